//! Writes programs at random that are loops and functions of numbers, which the machine can run: with
//! overflows, divisions by zero, calls too deep and values of other kinds now and then.
//!
//! Some loops are over the elements of arrays.
//!
//! Every program ends: loops count, recursion counts down.

use super::generator::Random;

/// What an expression is of.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Int,
    Float,
}

struct Function {
    name: String,
    parameters: Vec<Kind>,
    result: Kind,
}

/// Programs out of one seed.
pub struct Numbers {
    random: Random,
    /// What may be read, and whether it may be assigned to.
    variables: Vec<(String, Kind, bool)>,
    functions: Vec<Function>,
    names: usize,
}

impl Numbers {
    pub fn new(seed: u64) -> Self {
        let random = Random::new(seed);
        Self { random, variables: Vec::new(), functions: Vec::new(), names: 0 }
    }

    /// A script with a `handler(event)` for events with the numbers `n`, `k` and `x`, with `numbers` and
    /// with `rows` that have numbers `count` and `price`.
    pub fn program(&mut self) -> String {
        let mut text = String::from("const LIMIT = 6;\n");
        for number in 0..1 + self.random.below(3) {
            text += &self.function(&format!("f{number}"));
        }
        text += &self.recursion();
        text += "fn handler(event) {\n    let out = [];\n";
        self.variables = vec![
            ("event.n".to_owned(), Kind::Int, false),
            ("event.k".to_owned(), Kind::Int, false),
            ("event.x".to_owned(), Kind::Float, false),
            ("global::LIMIT".to_owned(), Kind::Int, false),
        ];
        text += "    let a = 1;\n    let b = 0.5;\n    let rows = event.rows;\n    let numbers = event.numbers;\n";
        self.variables.push(("a".to_owned(), Kind::Int, true));
        self.variables.push(("b".to_owned(), Kind::Float, true));
        for _ in 0..1 + self.random.below(2) {
            let repetition = self.repetition(2, 2);
            text += "    try {\n        out.push(\"`${ {\");   // { not code\n";
            text += &repetition;
            text += "    } catch (e) {\n        out.push(e);\n    }\n    out.push([a, b]);\n";
        }
        for number in 0..self.functions.len() {
            let arguments: Vec<_> = self.functions[number].parameters.clone();
            let arguments: Vec<String> =
                arguments.into_iter().map(|kind| self.value(kind, 0)).collect();
            let call = format!("{}({})", self.functions[number].name, arguments.join(", "));
            text += &format!("    try {{ out.push({call}); }} catch (e) {{ out.push(e); }}\n");
        }
        // What nobody catches.
        let repetition = self.repetition(1, 1);
        text + &repetition + "    out.push([a, b]);\n    out\n}\n"
    }

    fn kind(&mut self) -> Kind {
        [Kind::Int, Kind::Int, Kind::Float][self.random.below(3)]
    }

    fn function(&mut self, name: &str) -> String {
        let parameters: Vec<Kind> = (0..1 + self.random.below(3)).map(|_| self.kind()).collect();
        let names: Vec<String> = (0..parameters.len()).map(|at| format!("p{at}")).collect();
        let is_writable = self.random.below(2) == 0;
        self.variables = names
            .iter()
            .zip(&parameters)
            .map(|(name, kind)| (name.clone(), *kind, is_writable))
            .collect();
        let result = self.kind();
        let mut body = self.statements(2, 1, Some(result));
        body += &self.repetition(2, 1);
        let value = self.value(result, 2);
        let text = format!("fn {name}({}) {{ // {{\n{body}    {value}\n}}\n", names.join(", "));
        self.functions.push(Function { name: name.to_owned(), parameters, result });
        text
    }

    fn recursion(&mut self) -> String {
        let result = self.kind();
        self.variables =
            vec![("n".to_owned(), Kind::Int, false), ("x".to_owned(), Kind::Float, false)];
        let base = self.value(result, 1);
        let (first, second) = (self.value(Kind::Float, 1), self.value(Kind::Float, 1));
        let operator = self.operator(result);
        let depth = [7, 7, 300][self.random.below(3)];
        let other = match depth {
            7 => format!("rec(n - 2, {second})"),
            _ => self.value(result, 1),
        };
        let text = format!(
            "fn rec(n, x) {{\n    if n <= 0 || n > {depth} {{ return {base}; }}\n    \
             rec(n - 1, {first}) {operator} {other}\n}}\n"
        );
        let parameters = vec![Kind::Int, Kind::Float];
        self.functions.push(Function { name: "rec".to_owned(), parameters, result });
        text
    }

    /// Statements; within a function whose result is of the kind `result` it may return.
    fn statements(&mut self, depth: usize, indent: usize, result: Option<Kind>) -> String {
        (0..1 + self.random.below(3)).map(|_| self.statement(depth, indent, result)).collect()
    }

    fn statement(&mut self, depth: usize, indent: usize, result: Option<Kind>) -> String {
        let pad = "    ".repeat(indent);
        match self.random.below(if depth == 0 { 6 } else { 9 }) {
            0 | 1 => {
                let kind = self.kind();
                let value = self.value(kind, 2);
                self.names += 1;
                let name = format!("v{}", self.names);
                self.variables.push((name.clone(), kind, true));
                format!("{pad}let {name} = {value};   // `\n")
            }
            2..=4 => {
                let writable: Vec<(String, Kind)> = self
                    .variables
                    .iter()
                    .filter(|(.., is_writable)| *is_writable)
                    .map(|(name, kind, _)| (name.clone(), *kind))
                    .collect();
                if writable.is_empty() {
                    return String::new();
                }
                let (name, kind) = writable[self.random.below(writable.len())].clone();
                let operator = match kind {
                    Kind::Int => {
                        ["=", "+=", "-=", "*=", "/=", "%=", "^=", "<<="][self.random.below(8)]
                    }
                    Kind::Float => ["=", "+=", "-=", "*=", "/=", "%="][self.random.below(6)],
                };
                format!("{pad}{name} {operator} {};\n", self.value(kind, 2))
            }
            5 => match result {
                Some(kind) => {
                    let (condition, value) = (self.condition(), self.value(kind, 1));
                    format!("{pad}if {condition} {{ return {value}; }}\n")
                }
                None => String::new(),
            },
            6 => {
                let condition = self.condition();
                let then = self.block(depth - 1, indent + 1, result);
                let otherwise = self.block(depth - 1, indent + 1, result);
                format!("{pad}if {condition} {{\n{then}{pad}}} else {{\n{otherwise}{pad}}}\n")
            }
            _ => self.repetition_in(depth - 1, indent, result),
        }
    }

    /// A block of its own scope.
    fn block(&mut self, depth: usize, indent: usize, result: Option<Kind>) -> String {
        let before = self.variables.len();
        let text = self.statements(depth, indent, result);
        self.variables.truncate(before);
        text
    }

    fn repetition(&mut self, depth: usize, indent: usize) -> String {
        self.repetition_in(depth, indent, None)
    }

    fn repetition_in(&mut self, depth: usize, indent: usize, result: Option<Kind>) -> String {
        let pad = "    ".repeat(indent);
        let before = self.variables.len();
        self.names += 1;
        let counter = format!("i{}", self.names);
        let times = match self.random.below(4) {
            0 => format!("({}) % 9", self.value(Kind::Int, 1)),
            _ => (1 + self.random.below(6)).to_string(),
        };
        let is_for = self.random.below(2) == 0;
        let has_event = self.variables.iter().any(|(name, ..)| name == "event.n");
        if has_event && self.random.below(3) == 0 {
            return self.rows(&counter, depth, indent);
        }
        // What others count with they must not change.
        self.variables.push((counter.clone(), Kind::Int, is_for));
        let leave = match self.random.below(4) {
            0 => format!("{pad}    if {} {{ break; }}\n", self.condition()),
            1 => format!("{pad}    if {} {{ continue; }}\n", self.condition()),
            _ => String::new(),
        };
        let body = self.statements(depth, indent + 1, result);
        self.variables.truncate(before);
        let head = ["", "/* for { */ ", "// `${\n"][self.random.below(3)];
        if is_for {
            let range = [format!("0..{times}"), format!("-1..={times}")];
            let range = &range[self.random.below(2)];
            let item = match self.random.below(3) {
                0 => format!("({counter}, index{})", self.names),
                _ => counter,
            };
            return format!("{head}{pad}for {item} in {range} {{\n{leave}{body}{pad}}} // }}\n");
        }
        // `continue` in a `do` loop would skip its condition.
        let kinds = if leave.contains("continue") { 2 } else { 3 };
        match self.random.below(kinds) {
            0 => format!(
                "{pad}let {counter} = 0;\n{head}{pad}while {counter} < {times} {{\n\
                 {pad}    {counter} += 1;\n{leave}{body}{pad}}}\n"
            ),
            1 => format!(
                "{pad}let {counter} = {times};\n{head}{pad}loop {{\n{pad}    {counter} -= 1;\n\
                 {pad}    if {counter} < 0 {{ break; }}\n{leave}{body}{pad}}}\n"
            ),
            _ => format!(
                "{pad}let {counter} = 0;\n{pad}do {{\n{pad}    {counter} += 1;\n{leave}{body}\
                 {pad}}} while {counter} < {times};\n"
            ),
        }
    }

    /// A loop over the elements of an array, each of which is called `row`.
    fn rows(&mut self, row: &str, depth: usize, indent: usize) -> String {
        let pad = "    ".repeat(indent);
        let before = self.variables.len();
        let array = match self.random.below(3) {
            0 => {
                self.variables.push((row.to_owned(), Kind::Int, false));
                "event.numbers"
            }
            _ => {
                self.variables.push((format!("{row}.count"), Kind::Int, false));
                self.variables.push((format!("{row}.in.price"), Kind::Float, false));
                "rows"
            }
        };
        let at = format!("at{}", self.names);
        self.variables.push((at.clone(), Kind::Int, true));
        self.variables.push((format!("numbers[{at} % 4]"), Kind::Int, false));
        let body = self.statements(depth, indent + 1, None);
        self.variables.truncate(before);
        format!("{pad}for ({row}, {at}) in {array} {{\n{body}{pad}}}\n")
    }

    fn condition(&mut self) -> String {
        let operator = ["<", "<=", ">", ">=", "==", "!="][self.random.below(6)];
        let (left, right) = (self.kind(), self.kind());
        let compared = format!("{} {operator} {}", self.value(left, 1), self.value(right, 1));
        match self.random.below(6) {
            0 => format!("{compared} && {} != 5", self.value(Kind::Int, 0)),
            1 => format!("({compared} || {} > 3) && !({compared})", self.value(Kind::Int, 0)),
            2 => format!("!({compared})"),
            3 => format!("({compared}) == ({} > 2)", self.value(Kind::Int, 0)),
            _ => compared,
        }
    }

    fn operator(&mut self, kind: Kind) -> &'static str {
        match kind {
            Kind::Int => ["+", "-", "*", "/", "%", "+", "-", "*", "**", "<<", ">>", "&", "|", "^"]
                [self.random.below(14)],
            Kind::Float => ["+", "-", "*", "/", "%", "**"][self.random.below(6)],
        }
    }

    fn value(&mut self, kind: Kind, depth: usize) -> String {
        match self.random.below(if depth == 0 { 8 } else { 15 }) {
            0 | 1 => match kind {
                Kind::Int => match self.random.below(9) {
                    0 => "9223372036854775807".to_owned(),
                    1 => "-3".to_owned(),
                    _ => self.random.below(20).to_string(),
                },
                Kind::Float => {
                    ["0.5", "1e300", "-2.0", "3.0", "0.1"][self.random.below(5)].to_owned()
                }
            },
            2..=7 => {
                let names: Vec<&str> = self
                    .variables
                    .iter()
                    .filter(|(_, other, _)| *other == kind)
                    .map(|(name, ..)| name.as_str())
                    .collect();
                match names[..] {
                    [] if kind == Kind::Int => "2".to_owned(),
                    [] => "0.3".to_owned(),
                    _ => names[self.random.below(names.len())].to_owned(),
                }
            }
            8..=10 => {
                let operator = self.operator(kind);
                let (left, right) = match (kind, self.random.below(3)) {
                    (Kind::Float, 0) => (Kind::Int, Kind::Float),
                    (Kind::Float, 1) => (Kind::Float, Kind::Int),
                    _ => (kind, kind),
                };
                format!(
                    "({} {operator} {})",
                    self.value(left, depth - 1),
                    self.value(right, depth - 1)
                )
            }
            11 => {
                let (one, other) = (self.value(kind, depth - 1), self.value(kind, depth - 1));
                format!("if {} {{ {one} }} else {{ {other} }}", self.condition())
            }
            12 => {
                let value = self.value(kind, depth - 1);
                match (kind, self.random.below(4)) {
                    (Kind::Int, 0) => format!("max({value}, {})", self.value(kind, depth - 1)),
                    (Kind::Int, 1) => format!("({}).to_int()", self.value(Kind::Float, depth - 1)),
                    (Kind::Float, 0) => format!("({value}).floor()"),
                    (Kind::Float, 1) => {
                        format!("to_float({})", self.value(Kind::Int, depth - 1))
                    }
                    (_, 2) => format!("abs({value})"),
                    _ => format!("-({value})"),
                }
            }
            _ => {
                let fitting: Vec<usize> = (0..self.functions.len())
                    .filter(|number| self.functions[*number].result == kind)
                    .collect();
                if fitting.is_empty() {
                    return self.value(kind, depth - 1);
                }
                let number = fitting[self.random.below(fitting.len())];
                let parameters = self.functions[number].parameters.clone();
                let arguments: Vec<String> =
                    parameters.into_iter().map(|kind| self.value(kind, 0)).collect();
                format!("{}({})", self.functions[number].name, arguments.join(", "))
            }
        }
    }
}
