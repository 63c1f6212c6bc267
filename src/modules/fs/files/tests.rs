//! The border: what is inside works, and nothing leads out.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Entry, Files};

/// Three folders: the function's own, one that can be written, and one that is nobody's business.
struct World {
    task: PathBuf,
    tmp: PathBuf,
    outside: PathBuf,
    files: Files,
}

impl World {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rhai-lambda-fs-{}-{number}", std::process::id());
        let outside = Path::new("/var/tmp").join(&name).join("outside");
        let task = Path::new("/var/tmp").join(&name).join("task");
        let tmp = Path::new("/tmp").join(&name);
        for folder in [&outside, &task, &tmp] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(outside.join("secret.txt"), "secret").unwrap();
        fs::write(task.join("data.txt"), "data").unwrap();
        fs::write(tmp.join("a.txt"), "a").unwrap();
        let files = Files::new(&task);
        Self { task, tmp, outside, files }
    }

    fn in_tmp(&self, name: &str) -> String {
        self.tmp.join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, path: &str) -> Result<String, &'static str> {
        let (mut file, size) = self.files.open(path).map_err(|refused| refused.reason)?;
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(size, text.len());
        Ok(text)
    }

    fn write(&self, path: &str) -> Result<(), &'static str> {
        self.files.write(path, b"written", false).map_err(|refused| refused.reason)
    }

    fn exists(&self, path: &str) -> Result<bool, &'static str> {
        self.files.exists(path).map_err(|refused| refused.reason)
    }

    fn delete(&self, path: &str) -> Result<bool, &'static str> {
        self.files.delete(path).map_err(|refused| refused.reason)
    }

    fn list(&self, path: &str) -> Result<Vec<Entry>, &'static str> {
        let entries = self.files.list(path).map_err(|refused| refused.reason)?;
        let mut entries: Vec<Entry> = entries.map(Result::unwrap).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// The folder outside must be as it was.
    fn assert_untouched(&self) {
        let names: Vec<_> = fs::read_dir(&self.outside).unwrap().map(Result::unwrap).collect();
        assert_eq!(names.len(), 1, "{names:?}");
        assert_eq!(fs::read_to_string(self.outside.join("secret.txt")).unwrap(), "secret");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.tmp);
        let _ = fs::remove_dir_all(self.outside.parent().unwrap());
    }
}

#[test]
fn what_is_inside_can_be_used() {
    let world = World::new();
    for path in ["data.txt", "./data.txt", ".//data.txt"] {
        assert_eq!(world.read(path).as_deref(), Ok("data"), "{path}");
    }
    assert_eq!(world.read(world.task.join("data.txt").to_str().unwrap()).as_deref(), Ok("data"));
    assert_eq!(world.read(&world.in_tmp("a.txt")).as_deref(), Ok("a"));
    for path in ["deep/er/b.txt", "./deep//er/b.txt", "deep/er/b.txt"] {
        assert_eq!(world.write(&world.in_tmp(path)), Ok(()));
    }
    assert_eq!(world.read(&world.in_tmp("deep/er/b.txt")).as_deref(), Ok("written"));
    assert_eq!(world.list("."), Ok(vec![Entry { name: "data.txt".into(), kind: "file", size: 4 }]));
    assert_eq!(world.delete(&world.in_tmp("deep/er/b.txt")), Ok(true));
    assert_eq!(world.delete(&world.in_tmp("deep/er/b.txt")), Ok(false));
    assert_eq!(world.delete(&world.in_tmp("deep")), Err("not_empty"));
    assert_eq!(world.delete(&world.in_tmp("deep/er")), Ok(true));
}

#[test]
fn a_shorter_text_leaves_nothing_of_a_longer_one() {
    let world = World::new();
    let path = world.in_tmp("long.txt");
    fs::write(&path, "longer than the next one").unwrap();
    world.write(&path).unwrap();
    assert_eq!(world.read(&path).as_deref(), Ok("written"));
    world.files.write(&path, b" twice", true).unwrap();
    assert_eq!(world.read(&path).as_deref(), Ok("written twice"));
}

#[test]
fn what_is_outside_is_refused_by_name() {
    let world = World::new();
    let secret = world.outside.join("secret.txt");
    let secret = secret.to_str().unwrap();
    let by_dots =
        ["../outside/secret.txt", "x/../../outside/secret.txt", "..", "./..", "data.txt/.."];
    for path in by_dots.into_iter().chain([secret, "/", "/etc/passwd", "/proc/self/environ"]) {
        assert_eq!(world.read(path).err(), Some("outside"), "{path}");
        assert_eq!(world.exists(path), Err("outside"), "{path}");
        assert_eq!(world.list(path), Err("outside"), "{path}");
        assert_eq!(world.write(path), Err("outside"), "{path}");
        assert_eq!(world.delete(path), Err("outside"), "{path}");
    }
    for path in
        ["/tmp/../etc/passwd", "/tmpx/a", "/optional", "/tmp/x/../../var/tmp/a", "/dev/null"]
    {
        assert_eq!(world.read(path).err(), Some("outside"), "{path}");
        assert_eq!(world.write(path), Err("outside"), "{path}");
    }
    world.assert_untouched();
}

#[test]
fn what_can_be_read_cannot_always_be_written() {
    let world = World::new();
    let data = world.task.join("data.txt");
    for path in
        ["data.txt", "new.txt", data.to_str().unwrap(), "/opt/new.txt", "/tmp", "/tmp/", "/tmp/."]
    {
        assert_eq!(world.write(path), Err("outside"), "{path}");
        assert_eq!(world.delete(path), Err("outside"), "{path}");
    }
    assert_eq!(world.read("data.txt").as_deref(), Ok("data"));
    assert!(!world.task.join("new.txt").exists());
}

#[test]
fn the_functions_folder_cannot_be_written_wherever_it_is() {
    let mut world = World::new();
    world.task = world.tmp.join("task");
    fs::create_dir(&world.task).unwrap();
    fs::write(world.task.join("data.txt"), "data").unwrap();
    symlink(&world.task, world.tmp.join("link")).unwrap();
    world.files = Files::new(&world.task);
    assert_eq!(world.read("data.txt").as_deref(), Ok("data"));
    for path in
        ["task/data.txt", "task/new.txt", "task/new/new.txt", "link/new.txt", "link/data.txt"]
    {
        assert_eq!(world.write(&world.in_tmp(path)), Err("outside"), "{path}");
        assert_eq!(
            world.delete(&world.in_tmp(path)),
            if path.contains("new/") { Ok(false) } else { Err("outside") }
        );
    }
    assert_eq!(fs::read_dir(&world.task).unwrap().count(), 1);
    assert_eq!(world.write(&world.in_tmp("beside.txt")), Ok(()));
}

#[test]
fn links_that_lead_out_are_refused() {
    let world = World::new();
    let (task, tmp, outside) = (&world.task, &world.tmp, &world.outside);
    symlink(outside.join("secret.txt"), tmp.join("file")).unwrap();
    symlink(outside, tmp.join("folder")).unwrap();
    symlink(outside.join("secret.txt"), task.join("file")).unwrap();
    symlink("../outside", task.join("folder")).unwrap();
    // A link to a link, and one to nothing yet.
    symlink(tmp.join("folder"), tmp.join("again")).unwrap();
    symlink(outside.join("new.txt"), tmp.join("nothing")).unwrap();
    symlink(outside.join("new"), tmp.join("nothing-folder")).unwrap();
    symlink("/proc/self", tmp.join("self")).unwrap();
    symlink("/dev/zero", tmp.join("zero")).unwrap();

    for path in ["file", "folder/secret.txt", "again/secret.txt", "self/environ", "zero"] {
        let path = world.in_tmp(path);
        assert_eq!(world.read(&path).err(), Some("outside"), "{path}");
        assert_eq!(world.exists(&path), Err("outside"), "{path}");
        assert_eq!(world.write(&path), Err("outside"), "{path}");
    }
    for path in ["file", "folder/secret.txt"] {
        assert_eq!(world.read(path).err(), Some("outside"), "{path}");
    }
    for path in
        ["folder/new.txt", "folder/new/new.txt", "again/new.txt", "nothing", "nothing-folder/x"]
    {
        assert_eq!(world.write(&world.in_tmp(path)), Err("outside"), "{path}");
    }
    assert_eq!(world.list(&world.in_tmp("folder")), Err("outside"));
    assert_eq!(world.list("folder"), Err("outside"));
    for path in ["folder/secret.txt", "again/secret.txt"] {
        assert_eq!(world.delete(&world.in_tmp(path)), Err("outside"), "{path}");
    }
    // The link itself goes, what it leads to stays.
    for path in ["file", "folder", "again", "nothing"] {
        assert_eq!(world.delete(&world.in_tmp(path)), Ok(true), "{path}");
    }
    world.assert_untouched();
}

#[test]
fn links_that_stay_inside_are_followed() {
    let world = World::new();
    symlink(world.tmp.join("a.txt"), world.tmp.join("link")).unwrap();
    symlink(&world.tmp, world.tmp.join("circle")).unwrap();
    symlink(world.tmp.join("a.txt"), world.task.join("link")).unwrap();
    assert_eq!(world.read("link").as_deref(), Ok("a"));
    assert_eq!(world.write(&world.in_tmp("link")), Ok(()));
    assert_eq!(world.read(&world.in_tmp("circle/circle/a.txt")).as_deref(), Ok("written"));
    assert_eq!(world.write(&world.in_tmp("circle/b/c.txt")), Ok(()));
    assert_eq!(world.read(&world.in_tmp("b/c.txt")).as_deref(), Ok("written"));
    assert_eq!(world.write("link"), Err("outside"));
    let kinds: Vec<_> = world.list(world.tmp.to_str().unwrap()).unwrap();
    let kinds: Vec<_> = kinds.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
    assert_eq!(kinds, [("a.txt", "file"), ("b", "folder"), ("circle", "link"), ("link", "link")]);
    symlink(world.tmp.join("loop"), world.tmp.join("loop")).unwrap();
    assert_eq!(world.read(&world.in_tmp("loop")).err(), Some("failed"));
}

/// None of these may hang.
#[test]
fn what_is_no_plain_file_is_refused() {
    let world = World::new();
    let pipe = world.in_tmp("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let _socket = UnixListener::bind(world.tmp.join("socket")).unwrap();
    symlink(&pipe, world.tmp.join("link")).unwrap();
    for name in ["pipe", "socket", "link"] {
        let path = world.in_tmp(name);
        assert_eq!(world.read(&path).err(), Some("not_a_file"), "{name}");
        assert_eq!(world.write(&path), Err("not_a_file"), "{name}");
    }
    assert_eq!(world.list(&pipe), Err("not_a_folder"));
    assert_eq!(world.delete(&pipe), Ok(true));
}

#[test]
fn everything_else_has_its_reason() {
    let world = World::new();
    let folder = world.tmp.to_str().unwrap();
    for (path, reason) in [
        ("none.txt", "not_found"),
        ("data.txt/x", "not_a_folder"),
        (".", "is_a_folder"),
        (folder, "is_a_folder"),
        ("", "argument"),
        ("a\0b", "argument"),
    ] {
        assert_eq!(world.read(path).err(), Some(reason), "{path}");
    }
    assert_eq!(world.read(&"x".repeat(300)).err(), Some("failed"));
    assert_eq!(world.write(folder), Err("is_a_folder"));
    assert_eq!(world.write(&format!("{folder}/new/")), Err("is_a_folder"));
    assert_eq!(world.write(&world.in_tmp("a.txt/b")), Err("not_a_folder"));
    assert_eq!(world.write(&world.in_tmp("a.txt/b/c")), Err("not_a_folder"));
    assert_eq!(world.list("data.txt"), Err("not_a_folder"));
    assert_eq!(world.delete(&world.in_tmp("a.txt/b")), Ok(false));
    assert_eq!(world.exists("data.txt"), Ok(true));
    assert_eq!(world.exists("."), Ok(true));
    assert_eq!(world.exists("none.txt"), Ok(false));
    assert_eq!(world.exists("data.txt/none"), Ok(false));
}
