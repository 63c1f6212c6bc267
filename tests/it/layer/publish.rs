//! The README's commands, in its order, by the real aws CLI against moto.
//!
//! moto takes the requests as AWS does but runs no function: what the layer answers is for AWS's
//! emulator to show.

use std::path::Path;

use serde_json::Value;

use super::{archive, commands, is_asked_for, layer, readme};
use crate::moto::{Moto, shell};
use crate::scratch::Scratch;
use crate::tools;

/// More than all commands together take on a busy machine.
const SECONDS: u32 = 300;

/// What is asked after which section, into which file.
const QUESTIONS: [(&str, &str, &str); 9] = [
    ("Publish", "layers", "aws lambda list-layer-versions --layer-name rhai-lambda-x86_64"),
    (
        "Publish",
        "policy",
        "aws lambda get-layer-version-policy --layer-name rhai-lambda-x86_64 --version-number 1",
    ),
    ("Create a function", "created", "aws lambda get-function --function-name rhai-hello"),
    ("Create a function", "created.zip", "cat target/hello.zip"),
    ("Update", "updated", "aws lambda get-function --function-name rhai-hello"),
    ("Update", "updated.zip", "cat target/hello.zip"),
    ("Update", "layers-after", "aws lambda list-layer-versions --layer-name rhai-lambda-x86_64"),
    ("Remove", "functions-left", "aws lambda list-functions"),
    ("Remove", "layers-left", "aws lambda list-layers"),
];

#[test]
fn the_readme_publishes_attaches_updates_and_removes() {
    let what = "the commands of `layer/README.md`";
    if !is_asked_for(what) {
        return;
    }
    let Some(moto) = Moto::start(what) else { return };
    let layer_size = std::fs::metadata(layer()).unwrap().len();
    let answers = Scratch::new();
    run_readme(&moto, answers.path());
    let answer = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(answers.path().join(name)).unwrap()).unwrap()
    };

    let layers = answer("layers");
    let version = &layers["LayerVersions"][0];
    let arn = version["LayerVersionArn"].as_str().unwrap();
    assert!(arn.ends_with(":layer:rhai-lambda-x86_64:1"), "{arn}");
    assert_eq!(version["CompatibleArchitectures"], serde_json::json!(["x86_64"]));
    assert_eq!(
        version["CompatibleRuntimes"],
        serde_json::json!(["provided.al2023", "provided.al2"])
    );
    assert!(answer("policy")["Policy"].as_str().unwrap().contains("lambda:GetLayerVersion"));

    let created = &answer("created")["Configuration"];
    assert_eq!(created["State"], "Active");
    assert_eq!(created["Runtime"], "provided.al2023");
    assert_eq!(created["Handler"], "function.handler");
    assert_eq!(created["Layers"][0]["Arn"], arn);
    assert_eq!(created["Layers"][0]["CodeSize"], layer_size, "what was built is not what is used");
    assert_is_the_code(created, &answers.path().join("created.zip"));

    let updated = &answer("updated")["Configuration"];
    assert_eq!(updated["LastUpdateStatus"], "Successful");
    assert_ne!(updated["CodeSha256"], created["CodeSha256"], "the code is the old one");
    assert_eq!(updated["Layers"], created["Layers"]);
    assert_eq!(answer("layers-after"), layers, "an update of a script must not need a new layer");
    assert_is_the_code(updated, &answers.path().join("updated.zip"));

    assert_eq!(answer("functions-left")["Functions"], serde_json::json!([]));
    assert_eq!(answer("layers-left")["Layers"], serde_json::json!([]));
}

/// Runs all sections but the build, which `layer` did, and asks the questions in between.
fn run_readme(moto: &Moto, answers: &Path) {
    let document = std::fs::read_to_string(readme()).unwrap();
    let mut script = String::new();
    let mut asked = 0;
    for (heading, commands) in commands(&document) {
        if heading == "Build" {
            continue;
        }
        script.push_str(&commands);
        if heading == "Update" {
            for compiler in ["cargo", "rustc", "build.sh", "publish-layer"] {
                assert!(!commands.contains(compiler), "an update must not need `{compiler}`");
            }
        }
        for (_, file, question) in QUESTIONS.iter().filter(|(after, ..)| *after == heading) {
            script.push_str(&format!("{question} >'{}'\n", answers.join(file).display()));
            asked += 1;
        }
    }
    assert_eq!(asked, QUESTIONS.len(), "a section of `layer/README.md` was renamed");
    shell(&script, tools::root(), SECONDS, |command| {
        moto.environment(command);
    });
}

/// That the function's code is `archive` and that this holds nothing but scripts.
fn assert_is_the_code(configuration: &Value, archive: &Path) {
    assert_eq!(configuration["CodeSize"], std::fs::metadata(archive).unwrap().len());
    let entries = archive::entries(archive);
    assert!(!entries.is_empty());
    assert!(entries.iter().all(|entry| entry.name.ends_with(".rhai")), "{entries:?}");
}
