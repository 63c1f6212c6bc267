//! Writes programs at random: arithmetic, loops and calls, and mistakes in all of them.
//!
//! The same seed gives the same program. Every program ends: loops count, recursion counts down.

/// Programs out of one seed.
pub struct Generator {
    random: Random,
    /// Variables that may be read, and those that may be assigned to.
    readable: Vec<String>,
    writable: Vec<String>,
    /// Functions that may be called, with their number of parameters.
    callable: Vec<(String, usize)>,
    names: usize,
    loops: usize,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            readable: Vec::new(),
            writable: Vec::new(),
            callable: Vec::new(),
            names: 0,
            loops: 0,
        }
    }

    /// A script with a `handler(event)`.
    pub fn program(&mut self) -> String {
        let mut text = String::new();
        for number in 0..2 + self.random.below(3) {
            text += &self.function(&format!("f{number}"));
        }
        text += &self.recursion();
        text += "fn handler(event) {\n    let out = [];\n";
        let functions = self.callable.clone();
        for (name, arity) in functions {
            let arguments = |first: &str| {
                let mut all = vec![first.to_owned()];
                all.extend((1..arity).map(|at| at.to_string()));
                format!("{name}({})", all.join(", "))
            };
            text += &format!(
                "    try {{ out.push({}); }} catch (e) {{ out.push(e); }}\n",
                arguments("3")
            );
            text += &format!(
                "    try {{ out.push({}); }} catch (e) {{ out.push(e); }}\n",
                arguments("event")
            );
        }
        // What nobody catches.
        let (name, arity) = self.callable[self.random.below(self.callable.len())].clone();
        let rest = ", 2".repeat(arity - 1);
        text + &format!("    out.push({name}(event{rest}));\n    out\n}}\n")
    }

    fn function(&mut self, name: &str) -> String {
        let arity = 1 + self.random.below(3);
        let parameters: Vec<String> = (0..arity).map(|at| format!("p{at}")).collect();
        self.readable.clone_from(&parameters);
        self.writable = match self.random.below(3) {
            0 => parameters.clone(),
            _ => Vec::new(),
        };
        let mut body = self.statements(2, 1);
        // A loop makes it worth the while of the VM.
        body += &self.repetition(2, 1);
        let result = match self.random.below(4) {
            0 => format!("#{{ a: {}, b: {} }}", self.expression(1), self.expression(1)),
            1 => format!("[{}, {}]", self.expression(1), self.expression(1)),
            _ => self.expression(2),
        };
        let private = ["", "private "][self.random.below(2)];
        let text =
            format!("{private}fn {name}({}) {{\n{body}    {result}\n}}\n", parameters.join(", "));
        self.callable.push((name.to_owned(), arity));
        text
    }

    fn recursion(&mut self) -> String {
        self.readable = vec!["n".to_owned(), "x".to_owned()];
        self.writable.clear();
        let base = self.expression(1);
        let first = self.expression(1);
        let second = self.expression(1);
        let operator = self.operator();
        let text = format!(
            "fn rec(n, x) {{\n    if n <= 0 || n > 7 {{ return {base}; }}\n    \
             rec(n - 1, {first}) {operator} rec(n - 2, {second})\n}}\n"
        );
        self.callable.push(("rec".to_owned(), 2));
        text
    }

    fn statements(&mut self, depth: usize, indent: usize) -> String {
        (0..1 + self.random.below(3)).map(|_| self.statement(depth, indent)).collect()
    }

    fn statement(&mut self, depth: usize, indent: usize) -> String {
        let pad = "    ".repeat(indent);
        match self.random.below(if depth == 0 { 5 } else { 9 }) {
            at if at < 2 || (at < 4 && self.writable.is_empty()) => {
                let value = self.expression(2);
                let name = self.declare();
                format!("{pad}let {name} = {value};\n")
            }
            2 | 3 => {
                let name = self.writable[self.random.below(self.writable.len())].clone();
                let operator = ["=", "+=", "-=", "*=", "/=", "%="][self.random.below(6)];
                format!("{pad}{name} {operator} {};\n", self.expression(2))
            }
            4 => {
                let name = self.declare();
                format!("{pad}let {name} = [{}, 2, 3];\n", self.random.below(9))
            }
            5 => {
                let condition = self.condition();
                let (then, otherwise) =
                    (self.block(depth - 1, indent + 1), self.block(depth - 1, indent + 1));
                format!("{pad}if {condition} {{\n{then}{pad}}} else {{\n{otherwise}{pad}}}\n")
            }
            6 => self.repetition(depth - 1, indent),
            7 => {
                let condition = self.condition();
                let leave = match self.random.below(3) {
                    0 => format!("throw {}", self.expression(1)),
                    _ => format!("return {}", self.expression(1)),
                };
                format!("{pad}if {condition} {{ {leave}; }}\n")
            }
            _ => {
                let value = self.expression(1);
                let (one, two) =
                    (self.block(depth - 1, indent + 2), self.block(depth - 1, indent + 2));
                format!(
                    "{pad}switch {value} {{\n{pad}    1 => {{\n{one}{pad}    }}\n\
                     {pad}    _ => {{\n{two}{pad}    }}\n{pad}}}\n"
                )
            }
        }
    }

    /// A block of its own scope.
    fn block(&mut self, depth: usize, indent: usize) -> String {
        let (readable, writable) = (self.readable.len(), self.writable.len());
        let text = self.statements(depth, indent);
        self.readable.truncate(readable);
        self.writable.truncate(writable);
        text
    }

    fn repetition(&mut self, depth: usize, indent: usize) -> String {
        let pad = "    ".repeat(indent);
        let (readable, writable) = (self.readable.len(), self.writable.len());
        self.loops += 1;
        let counter = format!("i{}", self.loops);
        let times = 1 + self.random.below(6);
        self.readable.push(counter.clone());
        let leave = match self.random.below(4) {
            0 => format!("{pad}    if {} {{ break; }}\n", self.condition()),
            1 => format!("{pad}    if {} {{ continue; }}\n", self.condition()),
            _ => String::new(),
        };
        let body = self.statements(depth, indent + 1);
        self.readable.truncate(readable);
        self.writable.truncate(writable);
        // `continue` in a `do` loop would skip its condition.
        let kinds = if leave.contains("continue") { 3 } else { 4 };
        match self.random.below(kinds) {
            0 => format!("{pad}for {counter} in 0..{times} {{\n{leave}{body}{pad}}}\n"),
            1 => format!(
                "{pad}let {counter} = 0;\n{pad}while {counter} < {times} {{\n\
                 {pad}    {counter} += 1;\n{leave}{body}{pad}}}\n"
            ),
            2 => format!(
                "{pad}let {counter} = {times};\n{pad}loop {{\n{pad}    {counter} -= 1;\n\
                 {pad}    if {counter} < 0 {{ break; }}\n{leave}{body}{pad}}}\n"
            ),
            _ => format!(
                "{pad}let {counter} = 0;\n{pad}do {{\n{pad}    {counter} += 1;\n{leave}{body}\
                 {pad}}} while {counter} < {times};\n"
            ),
        }
    }

    fn declare(&mut self) -> String {
        self.names += 1;
        let name = format!("v{}", self.names);
        self.readable.push(name.clone());
        self.writable.push(name.clone());
        name
    }

    fn condition(&mut self) -> String {
        let operator = ["<", "<=", ">", ">=", "==", "!="][self.random.below(6)];
        let (left, right) = (self.expression(1), self.expression(1));
        match self.random.below(5) {
            0 => format!("({left} {operator} {right}) && {} != 5", self.expression(0)),
            1 => format!("!({left} {operator} {right})"),
            _ => format!("{left} {operator} {right}"),
        }
    }

    fn operator(&mut self) -> &'static str {
        ["+", "-", "*", "/", "%", "+", "-", "*", "**", "<<", "&"][self.random.below(11)]
    }

    fn expression(&mut self, depth: usize) -> String {
        match self.random.below(if depth == 0 { 8 } else { 16 }) {
            0 => self.random.below(10).to_string(),
            1 => ["0.5", "1e300", "-2.0"][self.random.below(3)].to_owned(),
            2 => match self.random.below(6) {
                0 => "9223372036854775807".to_owned(),
                1 => "true".to_owned(),
                2 => "\"ab\"".to_owned(),
                3 => "'c'".to_owned(),
                4 => "()".to_owned(),
                _ => self.random.below(100).to_string(),
            },
            3..=7 => self.readable[self.random.below(self.readable.len())].clone(),
            8..=11 => {
                let operator = self.operator();
                format!(
                    "({} {operator} {})",
                    self.expression(depth - 1),
                    self.expression(depth - 1)
                )
            }
            12 => {
                let name = self.readable[self.random.below(self.readable.len())].clone();
                format!("{name}[{}]", self.expression(depth - 1))
            }
            13 => {
                let name = self.readable[self.random.below(self.readable.len())].clone();
                format!("{name}{}", [".len()", ".len", ".abs()", ".missing"][self.random.below(4)])
            }
            14 if !self.callable.is_empty() => {
                let (name, arity) = self.callable[self.random.below(self.callable.len())].clone();
                let arguments: Vec<String> = (0..arity).map(|_| self.expression(0)).collect();
                format!("{name}({})", arguments.join(", "))
            }
            15 => {
                let condition = self.condition();
                format!(
                    "if {condition} {{ {} }} else {{ {} }}",
                    self.expression(depth - 1),
                    self.expression(depth - 1)
                )
            }
            _ => format!("-{}", self.expression(depth - 1)),
        }
    }
}

/// Numbers that look random.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// One below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}
