//! What the machine runs: instructions over numbered registers, and where their first values come from.
//!
//! A register holds 64 bits: an integer, the bits of a float, or 0 and 1 for a boolean. Which of these it
//! is was settled when the instruction was written, so nothing is looked up while it runs.

/// The number of a register, counted from the start of its function's registers.
pub(super) type Register = u8;

/// The number of an instruction.
pub(super) type Target = u16;

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Float,
    Bool,
    /// Nothing: `()`.
    Unit,
    /// Whatever is wanted, as it never comes to that: after `return`, say.
    Never,
}

/// One step. The register in front is the one that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instruction {
    Move(Register, Register),
    ToFloat(Register, Register),
    /// These end the run, as all that follow do, where Rhai would raise an error.
    ToInt(Register, Register),
    Add(Register, Register, Register),
    Subtract(Register, Register, Register),
    Multiply(Register, Register, Register),
    Divide(Register, Register, Register),
    Modulo(Register, Register, Register),
    Power(Register, Register, Register),
    ShiftLeft(Register, Register, Register),
    ShiftRight(Register, Register, Register),
    Negate(Register, Register),
    Absolute(Register, Register),
    /// Of bits, and of booleans.
    And(Register, Register, Register),
    Or(Register, Register, Register),
    Xor(Register, Register, Register),
    Not(Register, Register),
    Lesser(Register, Register, Register),
    Greater(Register, Register, Register),
    Equal(Register, Register, Register),
    Unequal(Register, Register, Register),
    Below(Register, Register, Register),
    UpTo(Register, Register, Register),
    AddFloat(Register, Register, Register),
    SubtractFloat(Register, Register, Register),
    MultiplyFloat(Register, Register, Register),
    DivideFloat(Register, Register, Register),
    ModuloFloat(Register, Register, Register),
    PowerFloat(Register, Register, Register),
    NegateFloat(Register, Register),
    AbsoluteFloat(Register, Register),
    Root(Register, Register),
    Floor(Register, Register),
    Ceiling(Register, Register),
    EqualFloat(Register, Register, Register),
    UnequalFloat(Register, Register, Register),
    AboveFloat(Register, Register, Register),
    FromFloat(Register, Register, Register),
    /// Goes on elsewhere.
    Jump(Target),
    JumpIf(Register, Target),
    JumpUnless(Register, Target),
    JumpEqual(Register, Register, Target),
    JumpUnequal(Register, Register, Target),
    JumpBelow(Register, Register, Target),
    JumpUpTo(Register, Register, Target),
    /// Goes back to the start of a loop, whose length stands in front.
    Repeat(u8, Target),
    /// The same for a loop over a range: counts the register after the first one up to the one behind
    /// it, and gives the first one what it has come to.
    Count(Register, u8, Target),
    /// The value that one of the program's [`Item`]s has in the element of this number.
    Item(Register, u8, Register),
    /// Calls a function, whose registers start at this one with its arguments; its result lands there.
    Call(Register, u16),
    Return(Register),
}

/// The code of one function.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) code: Vec<Instruction>,
    /// How many registers hold arguments; what is constant follows on them.
    pub(super) arguments: Register,
    pub(super) constants: Vec<u64>,
    /// How long the code is, in the unit of [`Instruction::Repeat`].
    pub(super) cost: u8,
}

/// Where a value comes from when a run starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A variable of the script, or what is in the maps that it holds.
    Variable(Path),
    /// A constant of the top level.
    Global(String),
    /// How many elements there are in an array.
    Length(Path),
}

/// The name of a variable and properties: `event.page.size`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) variable: String,
    pub(super) properties: Vec<String>,
}

/// What is read of an array's elements: `item.count`, or the elements themselves.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The number of the array.
    pub(super) array: u8,
    pub(super) properties: Vec<String>,
    /// All have to be of this kind.
    pub(super) kind: Kind,
}

/// A register that has a value when a run starts.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) source: Source,
    pub(super) kind: Kind,
    /// Whether the variable gets what the register holds at the end.
    pub(super) is_written: bool,
}

/// A loop or a function with all that it calls.
#[derive(Debug)]
pub(super) struct Program {
    /// The first one is where a run starts: its arguments are the inputs.
    pub(super) chunks: Vec<Chunk>,
    pub(super) inputs: Vec<Input>,
    /// The arrays that are read, and what of their elements.
    pub(super) arrays: Vec<Path>,
    pub(super) items: Vec<Item>,
    /// What is in the first register at the end of a function.
    pub(super) result: Kind,
}

/// How many instructions one unit of cost stands for.
pub(super) const COST_UNIT: usize = 16;

/// What `instructions` cost.
pub(super) fn cost_of(instructions: usize) -> u8 {
    u8::try_from(instructions / COST_UNIT + 1).unwrap_or(u8::MAX)
}
