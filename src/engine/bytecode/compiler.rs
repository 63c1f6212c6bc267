//! Writes a program for a loop or a function, for the kinds of values that it is about to run with.
//!
//! What it does not know it leaves to the walker: then there is no program. Every variable has to keep
//! its kind, and every expression to have one.

mod condition;
pub(super) mod expression;
pub(super) mod statement;

use std::collections::BTreeSet;
use std::rc::Rc;

use super::machine::WINDOW;
use super::program::{
    Chunk, Input, Instruction, Item, Kind, Path, Program, Register, Source, Target, cost_of,
};
use super::selection::{Functions, Key, Root};
use super::values::MAX_ARRAYS;

/// How often a program is written until everything in it is settled: constants have to be known before
/// registers are numbered, and results of functions before they are called.
const MAX_ROUNDS: usize = 8;

/// Functions that a program may have, for each combination of kinds one.
const MAX_FUNCTIONS: usize = 64;

/// Expressions and statements that are looked at for one program: some milliseconds, which nothing interrupts.
const MAX_WORK: usize = 20_000;

/// The functions of Rhai that are instructions here.
pub(super) const NATIVES: [&str; 8] =
    ["abs", "ceiling", "floor", "max", "min", "sqrt", "to_float", "to_int"];

/// What a program can be made of.
pub(super) struct Material<'m> {
    /// The functions of the script.
    pub(super) functions: &'m Functions,
    /// Names that scripts gave to functions of their own.
    pub(super) taken: &'m BTreeSet<String>,
    /// The kind of the value that a source has just now, if it has one.
    pub(super) kind_of: &'m dyn Fn(&Source) -> Option<Kind>,
    /// The kind of what is read of an array's elements.
    pub(super) kind_in: &'m dyn Fn(&Path, &[String]) -> Option<Kind>,
}

/// Writes the program for `root`.
pub(super) fn compile(root: &Root, material: &Material<'_>) -> Option<Program> {
    let mut compiler = Compiler {
        material,
        inputs: Vec::new(),
        arrays: Vec::new(),
        items: Vec::new(),
        signatures: Vec::new(),
        constants: vec![Vec::new()],
        is_settled: false,
        work: 0,
        body: Body::default(),
    };
    for _ in 0..MAX_ROUNDS {
        compiler.is_settled = true;
        let (first, result) = compiler.root(root)?;
        let mut chunks = vec![first];
        // They may call others, which are appended.
        let mut number = 0;
        while number < compiler.signatures.len() {
            chunks.push(compiler.function(number)?);
            number += 1;
        }
        if compiler.is_settled {
            let Compiler { inputs, arrays, items, .. } = compiler;
            return Some(Program { chunks, inputs, arrays, items, result });
        }
    }
    None
}

/// A function for certain kinds of arguments.
#[derive(Clone)]
struct Signature {
    key: Key,
    arguments: Vec<Kind>,
    /// What it returns, as far as is known.
    result: Kind,
}

struct Compiler<'m> {
    material: &'m Material<'m>,
    inputs: Vec<Input>,
    arrays: Vec<Path>,
    items: Vec<Item>,
    signatures: Vec<Signature>,
    /// The constants of the root and of each signature.
    constants: Vec<Vec<u64>>,
    /// Nothing was met in this round that the ones before did not know.
    is_settled: bool,
    /// Expressions and statements that were looked at, in all rounds.
    work: usize,
    body: Body,
}

/// The function that is being written.
#[derive(Default)]
struct Body {
    /// 0 is the root, then come the signatures.
    number: usize,
    is_function: bool,
    code: Vec<Instruction>,
    locals: Vec<Local>,
    /// The next free register; variables lie below it.
    next: usize,
    /// The number of arguments, behind which the constants lie.
    arguments: usize,
    loops: Vec<Loop>,
    /// What `return` has returned.
    returned: Option<Kind>,
}

struct Local {
    name: String,
    register: Register,
    kind: Kind,
    is_constant: bool,
    /// It stands for an element of the array of this number, and the register has the element's.
    array: Option<u8>,
}

/// Jumps out of a loop and to its next turn, which do not know their targets yet.
#[derive(Default)]
struct Loop {
    breaks: Vec<usize>,
    continues: Vec<usize>,
}

/// A value in a register.
#[derive(Clone, Copy)]
struct Value {
    register: Register,
    kind: Kind,
}

impl Compiler<'_> {
    /// The code that a run starts with, and what it leaves in the first register.
    fn root(&mut self, root: &Root) -> Option<(Chunk, Kind)> {
        match root {
            Root::Loop(statement) => {
                self.begin(0, false, self.inputs.len());
                self.statement(statement, None)?;
                self.emit(Instruction::Return(0));
                Some((self.finish(self.inputs.len())?, Kind::Unit))
            }
            Root::Function(key) => {
                let function = Rc::clone(self.material.functions.get(key)?);
                // Its parameters are the first inputs, and the only ones that are variables.
                if self.inputs.is_empty() {
                    for name in &function.parameters {
                        let source = Source::Variable(Path::of(name));
                        let kind = (self.material.kind_of)(&source)?;
                        self.inputs.push(Input { source, kind, is_written: false });
                    }
                }
                let inputs = self.inputs.len();
                self.begin(0, true, inputs);
                for (register, name) in (0..).zip(&function.parameters) {
                    let kind = self.inputs[usize::from(register)].kind;
                    self.declare(name, register, kind, false);
                }
                let result = self.returning(&function.body)?;
                Some((self.finish(inputs)?, result))
            }
        }
    }

    /// The code of a function that was called.
    fn function(&mut self, number: usize) -> Option<Chunk> {
        let signature = self.signatures[number].clone();
        let function = Rc::clone(self.material.functions.get(&signature.key)?);
        let arguments = signature.arguments.len();
        self.begin(number + 1, true, arguments);
        for ((register, name), kind) in (0..).zip(&function.parameters).zip(signature.arguments) {
            self.declare(name, register, kind, false);
        }
        let result = self.returning(&function.body)?;
        if result != signature.result {
            self.is_settled = false;
            self.signatures[number].result = result;
        }
        self.finish(arguments)
    }

    fn begin(&mut self, number: usize, is_function: bool, arguments: usize) {
        let next = arguments + self.constants[number].len();
        self.body = Body { number, is_function, next, arguments, ..Body::default() };
    }

    fn finish(&mut self, arguments: usize) -> Option<Chunk> {
        let code = std::mem::take(&mut self.body.code);
        // Numbers of instructions have to fit.
        Target::try_from(code.len()).ok()?;
        let constants = self.constants[self.body.number].clone();
        if arguments + constants.len() > WINDOW {
            return None;
        }
        let cost = cost_of(code.len());
        Some(Chunk { code, arguments: Register::try_from(arguments).ok()?, constants, cost })
    }

    fn emit(&mut self, instruction: Instruction) {
        self.body.code.push(instruction);
    }

    /// Notes that one more expression or statement is looked at; none if these were too many.
    fn work(&mut self) -> Option<()> {
        self.work += 1;
        (self.work <= MAX_WORK).then_some(())
    }

    /// The next free register.
    fn allocate(&mut self) -> Option<Register> {
        let register = Register::try_from(self.body.next).ok()?;
        self.body.next += 1;
        Some(register)
    }

    fn declare(&mut self, name: &str, register: Register, kind: Kind, is_constant: bool) {
        let (name, array) = (name.to_owned(), None);
        self.body.locals.push(Local { name, register, kind, is_constant, array });
    }

    fn local(&self, name: &str) -> Option<&Local> {
        self.body.locals.iter().rev().find(|local| local.name == name)
    }

    /// The register of a constant.
    fn constant(&mut self, bits: u64, kind: Kind) -> Option<Value> {
        let constants = &mut self.constants[self.body.number];
        let at = constants.iter().position(|constant| *constant == bits).unwrap_or_else(|| {
            self.is_settled = false;
            constants.push(bits);
            constants.len() - 1
        });
        // In a round in which one is added it has no register yet, and another one will do.
        Some(Value { register: Register::try_from(self.body.arguments + at).ok()?, kind })
    }

    /// The register of a value from outside of the loop.
    fn input(&mut self, source: Source, is_written: bool) -> Option<Value> {
        // Functions get their arguments, and only the root has the rest.
        if self.body.number != 0 {
            return None;
        }
        let known = self.inputs.iter().position(|input| input.source == source);
        let at = match known {
            Some(at) => at,
            None => {
                let kind = (self.material.kind_of)(&source)?;
                self.is_settled = false;
                self.inputs.push(Input { source, kind, is_written: false });
                self.inputs.len() - 1
            }
        };
        let input = &mut self.inputs[at];
        input.is_written |= is_written;
        Some(Value { register: Register::try_from(at).ok()?, kind: input.kind })
    }

    /// The number of an array.
    fn array(&mut self, path: Path) -> Option<u8> {
        let at = self.arrays.iter().position(|array| *array == path).unwrap_or_else(|| {
            self.arrays.push(path);
            self.arrays.len() - 1
        });
        u8::try_from(at).ok().filter(|_| at < MAX_ARRAYS)
    }

    /// Writes what of an array's element is read, `index` being its number.
    fn item(
        &mut self,
        array: u8,
        properties: Vec<String>,
        index: Register,
        want: Option<Register>,
    ) -> Option<Value> {
        let is_it = |item: &Item| item.array == array && item.properties == properties;
        let at = match self.items.iter().position(is_it) {
            Some(at) => at,
            None => {
                let kind = (self.material.kind_in)(&self.arrays[usize::from(array)], &properties)?;
                self.items.push(Item { array, properties, kind });
                self.items.len() - 1
            }
        };
        let to = self.place(want)?;
        self.emit(Instruction::Item(to, u8::try_from(at).ok()?, index));
        Some(Value { register: to, kind: self.items[at].kind })
    }

    /// The number of the function `key` for arguments of these kinds.
    fn signature(&mut self, key: Key, arguments: Vec<Kind>) -> Option<usize> {
        let is_it = |known: &Signature| known.key == key && known.arguments == arguments;
        if let Some(number) = self.signatures.iter().position(is_it) {
            return Some(number);
        }
        if self.signatures.len() == MAX_FUNCTIONS {
            return None;
        }
        self.is_settled = false;
        self.signatures.push(Signature { key, arguments, result: Kind::Never });
        self.constants.push(Vec::new());
        Some(self.signatures.len() - 1)
    }

    /// Where the next instruction will be.
    fn here(&self) -> Target {
        // Code that is longer than this is thrown away in the end.
        Target::try_from(self.body.code.len()).unwrap_or(Target::MAX)
    }

    /// Lets jumps lead to the next instruction.
    fn land(&mut self, jumps: &[usize]) {
        let here = self.here();
        for &jump in jumps {
            self.body.code[jump].lead_to(here);
        }
    }
}

impl Path {
    fn of(variable: &str) -> Self {
        Self { variable: variable.to_owned(), properties: Vec::new() }
    }
}

impl Instruction {
    /// Gives a jump its target.
    fn lead_to(&mut self, to: Target) {
        match self {
            Self::Jump(target)
            | Self::JumpIf(_, target)
            | Self::JumpUnless(_, target)
            | Self::JumpEqual(.., target)
            | Self::JumpUnequal(.., target)
            | Self::JumpBelow(.., target)
            | Self::JumpUpTo(.., target)
            | Self::Repeat(_, target)
            | Self::Count(.., target) => *target = to,
            _ => {}
        }
    }
}

/// The kind of what is of one kind or of the other.
fn join(one: Kind, other: Kind) -> Option<Kind> {
    match (one, other) {
        (Kind::Never, kind) | (kind, Kind::Never) => Some(kind),
        (one, other) => (one == other).then_some(one),
    }
}
