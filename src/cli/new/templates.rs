//! The templates of `new`: for each trigger a script, its tests and what belongs to them.

/// What a new folder is made of.
pub(super) struct Template {
    pub(super) name: &'static str,
    /// What the function does, in a few words.
    pub(super) about: &'static str,
    script: &'static str,
    tests: &'static str,
    event: &'static str,
    expected: &'static str,
    /// What the function's settings have beyond those of every function.
    settings: &'static str,
    /// What the function has in the SAM template beyond what every function has.
    events: &'static str,
    /// Parameters of the SAM template.
    parameters: &'static str,
}

/// The parts that all templates share.
const SETTINGS: &str = include_str!("settings.toml");
const SAM: &str = include_str!("template.yaml");

/// The secret of the authorizer, which must not stand in a template.
const JWT_SECRET: &str = "
  JwtSecret:
    Type: String
    NoEcho: true
    MinLength: 32
    Description: What the tokens are signed with";

macro_rules! template {
    ($name:literal, $about:literal, $parameters:expr) => {
        Template {
            name: $name,
            about: $about,
            script: include_str!(concat!($name, "/function.rhai")),
            tests: include_str!(concat!($name, "/function_test.rhai")),
            event: include_str!(concat!($name, "/event.json")),
            expected: include_str!(concat!($name, "/expected.json")),
            settings: include_str!(concat!($name, "/settings.toml")),
            events: include_str!(concat!($name, "/sam.yaml")),
            parameters: $parameters,
        }
    };
}

/// Every template, the default first.
pub(super) const TEMPLATES: &[Template] = &[
    template!("hello", "an event in, a result out", ""),
    template!("function-url", "HTTP requests to a function URL", ""),
    template!("http-api", "an API behind API Gateway (HTTP API)", ""),
    template!("rest-api", "an API behind API Gateway (REST API)", ""),
    template!(
        "authorizer",
        "lets requests through API Gateway that bring a signed token",
        JWT_SECRET
    ),
    template!("sqs", "messages of a queue, of which only those that fail come again", ""),
    template!("s3", "new objects in a bucket", ""),
    template!("dynamodb-stream", "changes of a DynamoDB table", ""),
    template!("eventbridge", "events of an event bus", ""),
    template!("schedule", "a job at fixed times", ""),
    template!("streaming", "an answer that is sent piece by piece", ""),
];

impl Template {
    /// The files of the function `name`, each with what it is.
    pub(super) fn files(&self, name: &str) -> Vec<(&'static str, String, &'static str)> {
        let settings = SETTINGS.replace("{{name}}", name).replace("{{settings}}", self.settings);
        let sam = SAM
            .replace("{{about}}", self.about)
            .replace("{{parameters}}", self.parameters)
            .replace("{{name}}", name)
            .replace("{{events}}", self.events);
        vec![
            ("function.rhai", self.script.to_owned(), "the script, with `fn handler`"),
            ("event.json", self.event.to_owned(), "an event as the service sends it"),
            ("expected.json", self.expected.to_owned(), "the result that is expected of it"),
            ("function_test.rhai", self.tests.to_owned(), "tests"),
            ("rhai-lambda.toml", one_newline(settings), "the function's settings"),
            ("template.yaml", one_newline(sam), "the function for the SAM CLI"),
        ]
    }
}

fn one_newline(mut text: String) -> String {
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
