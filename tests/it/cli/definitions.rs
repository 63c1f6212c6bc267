//! `rhai-lambda definitions`: files for editors, read back by the grammar of such files.

use std::collections::BTreeMap;

use crate::desk::Desk;
use crate::reference;

/// Reads a definition file: what it declares, or where it is none.
///
/// The grammar is that of the chapter "Generate definition files" of Rhai's book.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The declared functions: name, parameters with their types, and the lines of words above.
    fn functions(text: &'a str) -> Result<Vec<Function>, String> {
        let mut reader = Self { text, at: 0 };
        reader.words();
        reader.expect("module ")?;
        reader.name()?;
        reader.expect(";")?;
        let mut functions = Vec::new();
        loop {
            let words = reader.words();
            if reader.rest().is_empty() {
                return Ok(functions);
            }
            functions.extend(reader.item(words)?);
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong<T>(&self, expected: &str) -> Result<T, String> {
        let line = self.text[..self.at].matches('\n').count() + 1;
        let found: String = self.rest().chars().take(40).collect();
        Err(format!("line {line}: expected {expected}, found {found:?}"))
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Skips comments; the lines of documentation among them.
    fn words(&mut self) -> usize {
        let mut documented = 0;
        loop {
            self.space();
            if !self.rest().starts_with("//") {
                return documented;
            }
            documented += usize::from(self.rest().starts_with("///"));
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn take(&mut self, token: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { self.wrong(&format!("`{token}`")) }
    }

    fn name(&mut self) -> Result<&'a str, String> {
        self.space();
        let end = self.rest().find(|c: char| !c.is_alphanumeric() && c != '_');
        let name = &self.rest()[..end.unwrap_or(self.rest().len())];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return self.wrong("a name");
        }
        self.at += name.len();
        Ok(name)
    }

    fn item(&mut self, documented: usize) -> Result<Option<Function>, String> {
        if self.take("const ") || self.take("let ") {
            self.name()?;
            self.expect(":")?;
            self.kind()?;
            self.expect(";")?;
            return Ok(None);
        }
        if self.take("op ") {
            self.space();
            let end = self.rest().find('(').ok_or("an operator without parameters")?;
            let operator = self.rest()[..end].trim();
            if operator.is_empty() || operator.contains([';', ' ', '$']) {
                return self.wrong("an operator");
            }
            self.at += end;
            self.expect("(")?;
            while !self.take(")") {
                self.kind()?;
                self.take(",");
            }
            self.ending()?;
            return Ok(None);
        }
        self.expect("fn ")?;
        let is_property = self.take("get ") || self.take("set ");
        let name = self.name()?.to_owned();
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.take(")") {
            // Rhai's own lists end in an ellipsis where any number may follow.
            self.take("...");
            let parameter = self.name()?.to_owned();
            self.expect(":")?;
            self.kind()?;
            parameters.push(parameter);
            if !self.rest().trim_start().starts_with(')') {
                self.expect(",")?;
            }
        }
        self.ending()?;
        Ok((!is_property).then_some(Function { name, parameters, documented }))
    }

    fn ending(&mut self) -> Result<(), String> {
        if self.take("->") {
            self.kind()?;
        }
        self.expect(";")
    }

    fn kind(&mut self) -> Result<(), String> {
        if !self.take("?") && !self.take("()") {
            self.name()?;
            if self.take("<") {
                self.kind()?;
                self.expect(">")?;
            }
        }
        if self.take("|") { self.kind() } else { Ok(()) }
    }
}

#[derive(Debug)]
struct Function {
    name: String,
    parameters: Vec<String>,
    documented: usize,
}

fn definitions(desk: &Desk, arguments: &[&str]) -> BTreeMap<String, String> {
    let exit = desk.run(&[&["definitions"], arguments].concat());
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert_eq!(exit.stderr, "");
    let files = exit.stdout.lines().map(|path| {
        let text = std::fs::read_to_string(desk.folder.path().join(path)).unwrap();
        (path.to_owned(), text)
    });
    files.collect()
}

#[test]
fn every_file_is_one_that_editors_take() {
    let desk = Desk::new();
    let files = definitions(&desk, &[]);
    assert_eq!(files.len(), reference::modules().len() + 4);
    let engine = rhai_lambda::rhai::Engine::new();
    for (path, text) in &files {
        let functions = Reader::functions(text).unwrap_or_else(|error| panic!("`{path}`, {error}"));
        assert!(!functions.is_empty() || path.contains("operators"), "{path}");
        // Rhai's own names may be reserved words; ours are such as a script could declare.
        if path.contains("/__builtin") || path.contains("/__static") {
            continue;
        }
        for Function { name, parameters, documented } in functions {
            let script = format!("fn {name}({}) {{}}", parameters.join(", "));
            engine.compile(&script).unwrap_or_else(|error| panic!("`{path}`: {script}: {error}"));
            assert!(documented > 0, "`{path}`: {name}({parameters:?}) without a word");
        }
    }
}

#[test]
fn every_call_of_the_reference_is_declared() {
    let desk = Desk::new();
    let files = definitions(&desk, &["-o", "here"]);
    for (module, text) in reference::modules() {
        let declared = Reader::functions(&files[&format!("here/{module}.d.rhai")]).unwrap();
        let headings = text.lines().filter(|line| line.starts_with("# "));
        let spans = headings.flat_map(|heading| heading.split('`').skip(1).step_by(2));
        for span in spans {
            let Some(call) = span.strip_prefix(&format!("{module}::")) else { continue };
            let (name, rest) = call.split_once('(').unwrap();
            let count =
                rest.trim_end_matches(')').split(',').filter(|part| !part.is_empty()).count();
            let is_it =
                |function: &Function| function.name == name && function.parameters.len() == count;
            assert!(declared.iter().any(is_it), "{span}: {declared:?}");
        }
    }
    let globals = &files["here/__rhai_lambda__.d.rhai"];
    for line in [
        "fn get deadline_ms(context: context) -> int | ();",
        "fn remaining_time_ms(context: context) -> ?;",
        "fn header(request: map, name: string) -> ?;",
        "fn get(router: router, path: string, route: Fn) -> ?;",
        "fn handle(router: router, event: map) -> ?;",
    ] {
        assert!(globals.contains(&format!("\n{line}\n")), "{line}: {globals}");
    }
    // `eval` is off, so nothing offers it.
    assert!(files.values().all(|text| !text.contains("\nfn eval(")));
}

#[test]
fn files_are_written_where_they_are_asked_for() {
    let desk = Desk::new().file("orders/function.rhai", "fn handler(event) { 1 }");
    let files = definitions(&desk, &["orders"]);
    assert!(files.keys().all(|path| path.starts_with("orders/.rhai/definitions/")));
    // Anew without asking, and the same.
    assert_eq!(definitions(&desk, &["orders"]), files);
    assert_eq!(
        desk.misuse(&["definitions", "ordres"]),
        "error: `ordres` does not exist\nhint: did you mean `orders`?\n"
    );
    let said = desk.misuse(&["definitions", "orders/function.rhai"]);
    assert!(said.starts_with("error: `orders/function.rhai` is not a folder\nhint: "), "{said}");
}

#[test]
fn files_of_others_are_left_alone() {
    let desk = Desk::new().file("here/web.d.rhai", "module web;\n");
    let said = desk.misuse(&["definitions", "-o", "here"]);
    assert_eq!(
        said,
        "error: `here/web.d.rhai` was not written by this command\n\
         hint: `--force` overwrites it, `-o FOLDER` writes elsewhere\n"
    );
    let names = |desk: &Desk| std::fs::read_dir(desk.folder.path().join("here")).unwrap().count();
    assert_eq!(names(&desk), 1);
    assert!(definitions(&desk, &["-o", "here", "--force"]).len() > 1);
    let said = Desk::new().file("here", "").misuse(&["definitions", "-o", "here"]);
    assert_eq!(said, "error: `here` is not a folder\nhint: name another one: `-o FOLDER`\n");
}

#[test]
fn the_reader_refuses_what_is_no_definition() {
    for text in [
        "fn a() -> ?;",
        "module a;\nfn a(_ ?) -> ?;",
        "module a;\nfn a() -> ;",
        "module a;\nfn a() -> EvalAltResult>>;",
        "module a;\nfn index$get$(a: b) -> ?;",
        "module a;\nfn a()",
    ] {
        assert!(Reader::functions(text).is_err(), "{text}");
    }
}
