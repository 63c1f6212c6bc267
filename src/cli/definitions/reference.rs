//! The reference of the modules, taken apart: which section is about which function.

/// The reference itself, which is gathered from the modules.
const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/REFERENCE.md"));

/// What the reference says of a module.
pub(super) struct Module {
    pub(super) name: String,
    /// What stands above its functions.
    pub(super) introduction: String,
    pub(super) sections: Vec<Section>,
}

/// A heading with the calls that it is about, and what stands below it.
pub(super) struct Section {
    /// The calls of the heading: each with its module, or the value whose method it is.
    pub(super) calls: Vec<Call>,
    /// Those that the text names beside them.
    pub(super) others: Vec<Call>,
    pub(super) text: String,
}

/// `http::get(url, options)` or `request.header(name)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// `http` or `request`; empty for what is called by its name alone.
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) is_method: bool,
    pub(super) parameters: Vec<String>,
}

/// All modules, in the order of the reference.
pub(super) fn modules() -> Vec<Module> {
    let modules = TEXT.split("\n## ").skip(1);
    modules
        .map(|text| {
            let (name, text) = text.split_once('\n').unwrap_or((text, ""));
            let mut sections = text.split("\n### ");
            let introduction = sections.next().unwrap_or_default().trim().to_owned();
            let sections = sections.map(section).collect();
            Module { name: name.trim().to_owned(), introduction, sections }
        })
        .collect()
}

fn section(text: &str) -> Section {
    let (heading, text) = text.split_once('\n').unwrap_or((text, ""));
    let text = text.trim().to_owned();
    Section { calls: calls(heading), others: calls(&text), text }
}

/// The calls in the code spans of `text`.
fn calls(text: &str) -> Vec<Call> {
    text.split('`').skip(1).step_by(2).filter_map(call).collect()
}

fn call(span: &str) -> Option<Call> {
    let (path, rest) = span.split_once('(')?;
    let parameters = rest.strip_suffix(')')?;
    let (owner, name, is_method) = match (path.rsplit_once("::"), path.rsplit_once('.')) {
        (Some((owner, name)), _) => (owner, name, false),
        (None, Some((owner, name))) => (owner, name, true),
        (None, None) => ("", path, false),
    };
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if name.is_empty() || !is_name(owner) || !is_name(name) {
        return None;
    }
    let parameters: Option<Vec<String>> = parameters
        .split(',')
        .map(str::trim)
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| match parameter.starts_with('|') {
            true => Some("each".to_owned()),
            false => is_name(parameter).then(|| parameter.to_owned()),
        })
        .collect();
    Some(Call {
        owner: owner.to_owned(),
        name: name.to_owned(),
        is_method,
        parameters: parameters?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Call, call, modules};

    #[test]
    fn calls_are_read_from_headings() {
        let of = |span| call(span).map(|call: Call| (call.owner, call.name, call.parameters));
        let expected = |owner: &str, name: &str, parameters: &[&str]| {
            let parameters = parameters.iter().map(|name| (*name).to_owned()).collect();
            Some((owner.to_owned(), name.to_owned(), parameters))
        };
        assert_eq!(of("env::get(name, default)"), expected("env", "get", &["name", "default"]));
        assert_eq!(of("request.form()"), expected("request", "form", &[]));
        let each = of("batch::process(event, |record| …, options)");
        assert_eq!(each, expected("batch", "process", &["event", "each", "options"]));
        assert_eq!(of("print(value)"), expected("", "print", &["value"]));
        for other in ["errorType", "time::parse(\"2026\")", "#{ a: f(1) }", ".any", "a::b::c(d)"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn every_module_is_found_with_its_functions() {
        let modules = modules();
        let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(names, crate::modules::names().collect::<Vec<_>>());
        for module in &modules {
            assert!(!module.introduction.is_empty(), "{}", module.name);
            assert!(module.sections.iter().all(|section| !section.calls.is_empty()));
        }
    }
}
