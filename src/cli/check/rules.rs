//! What can be found: a name for each kind, and what it means.

/// A kind of finding. The names are stable: scripts and CI settings refer to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Rule {
    SyntaxError,
    ReservedWord,
    UnknownVariable,
    UnknownModule,
    UnknownFunction,
    WrongArguments,
    HandlerNotFound,
    ImportNotFound,
    ImportRefused,
    ImportCycle,
    TooManyImports,
    UnreadableScript,
    BadSetting,
    ConstantAssigned,
    KeptVariable,
    ResultNotJson,
    UnreachableCode,
    UnusedImport,
    UnusedFunction,
}

impl Rule {
    pub(super) const ALL: [Self; 19] = [
        Self::SyntaxError,
        Self::ReservedWord,
        Self::UnknownVariable,
        Self::UnknownModule,
        Self::UnknownFunction,
        Self::WrongArguments,
        Self::HandlerNotFound,
        Self::ImportNotFound,
        Self::ImportRefused,
        Self::ImportCycle,
        Self::TooManyImports,
        Self::UnreadableScript,
        Self::BadSetting,
        Self::ConstantAssigned,
        Self::KeptVariable,
        Self::ResultNotJson,
        Self::UnreachableCode,
        Self::UnusedImport,
        Self::UnusedFunction,
    ];

    pub(in crate::cli) fn name(self) -> &'static str {
        self.texts().0
    }

    /// One line, for a list.
    pub(super) fn summary(self) -> &'static str {
        self.texts().1
    }

    /// Some lines, for who wants to know more.
    pub(super) fn explanation(self) -> &'static str {
        self.texts().2
    }

    fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::SyntaxError => (
                "syntax-error",
                "the script does not compile",
                "The engine reads the whole script before the first event; one that does not compile \
                 ends with `Runtime.UserCodeSyntaxError`. After the first error of a file the functions \
                 behind it are looked at as well.",
            ),
            Self::ReservedWord => (
                "reserved-word",
                "a reserved word stands where a name is expected",
                "Some names are reserved words of Rhai, `default` and `new` among them. They cannot be \
                 functions, variables or properties; a key of such a name is read as \
                 `event[\"default\"]`.",
            ),
            Self::UnknownVariable => (
                "unknown-variable",
                "a variable or constant that does not exist here",
                "Functions see their parameters, their own variables and, as `global::NAME`, the \
                 constants of the top level. Variables of the top level do not outlive it.",
            ),
            Self::UnknownModule => (
                "unknown-module",
                "a module that is neither built in nor imported",
                "What stands before `::` is a built-in module, such as `json`, or the alias of an \
                 import above: `import \"lib/prices\" as prices;`.",
            ),
            Self::UnknownFunction => (
                "unknown-function",
                "a function that does not exist",
                "No script, no module and not the engine has a function of this name. It is a warning \
                 where the call may still work: inside of `try`, or where a map may hold a closure of \
                 this name. Functions that a `bootstrap` of your own adds are listed in \
                 `rhai-lambda.toml`: `natives = [\"ean13_check_digit\"]`.",
            ),
            Self::WrongArguments => (
                "wrong-arguments",
                "a call with too few or too many arguments",
                "Rhai finds functions by name and number of arguments. In method style, `a.f(b)`, the \
                 receiver is the first argument of a built-in function, and `this` in a function of a \
                 script, where it does not count.",
            ),
            Self::HandlerNotFound => (
                "handler-not-found",
                "the handler setting names no function that could be the handler",
                "A handler is `fn handler(event)` or `fn handler(event, context)` in the script that the \
                 handler setting names, `function.handler` unless `rhai-lambda.toml` says otherwise. It \
                 cannot be private.",
            ),
            Self::ImportNotFound => (
                "import-not-found",
                "an imported script that is not there",
                "`import \"lib/prices\" as prices;` loads `lib/prices.rhai` from the function's folder, \
                 else from `/opt/rhai`, where layers put shared scripts. `RHAI_LAMBDA_IMPORT_ROOT` names \
                 the folder of those on your machine.",
            ),
            Self::ImportRefused => (
                "import-refused",
                "an import that leads out of the function",
                "Imports are paths below the function's folder or `/opt/rhai`, with `/` between names: \
                 not absolute, without `..`, and not through links that lead elsewhere. No script can \
                 import the handler's.",
            ),
            Self::ImportCycle => (
                "import-cycle",
                "scripts that import each other",
                "An import runs the top level of a script. Scripts whose top levels import each other \
                 would never be done. What both need belongs into a third.",
            ),
            Self::TooManyImports => (
                "too-many-imports",
                "more imports than the runtime allows",
                "`RHAI_LAMBDA_MAX_MODULES` limits the scripts that a function imports, and \
                 `RHAI_LAMBDA_MAX_MODULE_DEPTH` how deep imports within imports go.",
            ),
            Self::UnreadableScript => (
                "unreadable-script",
                "a script that cannot be read",
                "Scripts are files of UTF-8 text within the function's folder.",
            ),
            Self::BadSetting => (
                "bad-setting",
                "an environment variable that the runtime would not accept",
                "The runtime reads its settings, such as `RHAI_LAMBDA_MAX_CALL_DEPTH`, from the \
                 function's environment, and starts no function with a value out of range.",
            ),
            Self::ConstantAssigned => (
                "constant-assigned",
                "a constant that is assigned to",
                "Constants, and whatever is read with `global::` or from an import, cannot be changed. \
                 Copy it into a variable first: `let copy = global::NAME;`.",
            ),
            Self::KeptVariable => (
                "kept-variable",
                "a constant whose closure would keep a variable",
                "Nothing of a variable outlives an invocation. A closure in a constant of the top level \
                 that captures a variable would keep what one event did to it for the next one: the \
                 runtime refuses to start. It may capture constants; state is kept with `cache::`.",
            ),
            Self::ResultNotJson => (
                "result-not-json",
                "a result that JSON cannot express",
                "What the handler returns becomes JSON. Blobs, functions, timestamps, ranges and floats \
                 that are no number cannot: the invocation fails with `InvalidResult`.",
            ),
            Self::UnreachableCode => (
                "unreachable-code",
                "statements that never run",
                "What stands behind `return`, `throw`, `break`, `continue` or `exit` in the same block \
                 is never reached.",
            ),
            Self::UnusedImport => (
                "unused-import",
                "an import whose alias is never used",
                "The script is loaded and its top level run at every start. If that is what it is for, \
                 leave out the alias: `import \"lib/setup\";`.",
            ),
            Self::UnusedFunction => (
                "unused-function",
                "a private function that is never called",
                "A private function can be called in its own script only, and nothing there does.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn names_are_words_and_differ() {
        let mut names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rule::ALL.len());
    }

    #[test]
    fn every_rule_is_in_the_list() {
        let source = include_str!("rules.rs");
        let listed = source.split("pub(super) const ALL").next().expect("the enum");
        let variants =
            listed.lines().filter(|line| line.starts_with("    ") && line.ends_with(','));
        assert_eq!(variants.count(), Rule::ALL.len());
    }
}
