//! Runs a program: the loop over its instructions.

use rhai::Dynamic;

use super::program::{COST_UNIT, Chunk, Instruction, Program, Register};
use super::values;
use crate::engine::Guard;

/// Registers that a function may have: as many as there are numbers for them.
pub(super) const WINDOW: usize = 1 << Register::BITS;

/// Units of cost between two looks at the clock: some 10 µs.
const FUEL: u32 = (8192 / COST_UNIT) as u32;

type Window = [u64; WINDOW];

/// The memory of one engine's runs.
#[derive(Default)]
pub(super) struct Machine {
    registers: Vec<u64>,
    calls: Vec<Frame>,
}

/// Where a function goes on after a call that it made.
struct Frame {
    chunk: usize,
    next: usize,
    base: usize,
}

impl Machine {
    /// The registers of a program's first function, its inputs first.
    pub(super) fn registers(&mut self) -> &mut Window {
        window(&mut self.registers, 0)
    }

    /// Runs a program whose inputs are in place, over its arrays; calls may nest `depth` deep.
    ///
    /// Nothing comes of it where Rhai would raise an error, nor when time is up. As nothing but
    /// registers was touched, the walker can do it all again, and says what is wrong.
    pub(super) fn run(
        &mut self,
        program: &Program,
        arrays: &[&[Dynamic]],
        depth: usize,
        guard: &Guard,
    ) -> Option<()> {
        let Self { registers: memory, calls } = self;
        calls.clear();
        let (mut chunk, mut next, mut base) = (&program.chunks[0], 0, 0);
        let mut number = 0;
        let mut registers = window(memory, base);
        load(registers, chunk);
        let mut fuel = FUEL;
        macro_rules! at {
            ($register:expr) => {
                registers[usize::from($register)]
            };
        }
        macro_rules! put {
            ($to:expr, $value:expr) => {
                registers[usize::from($to)] = $value
            };
        }
        macro_rules! jump {
            ($condition:expr, $target:expr) => {
                if $condition {
                    next = usize::from($target);
                }
            };
        }
        loop {
            let instruction = *chunk.code.get(next)?;
            next += 1;
            match instruction {
                Instruction::Move(to, a) => put!(to, at!(a)),
                Instruction::ToFloat(to, a) => put!(to, (int(at!(a)) as f64).to_bits()),
                Instruction::ToInt(to, a) => put!(to, bits(whole(float(at!(a)))?)),
                Instruction::Add(to, a, b) => {
                    put!(to, bits(int(at!(a)).checked_add(int(at!(b)))?))
                }
                Instruction::Subtract(to, a, b) => {
                    put!(to, bits(int(at!(a)).checked_sub(int(at!(b)))?))
                }
                Instruction::Multiply(to, a, b) => {
                    put!(to, bits(int(at!(a)).checked_mul(int(at!(b)))?))
                }
                Instruction::Divide(to, a, b) => {
                    put!(to, bits(int(at!(a)).checked_div(int(at!(b)))?))
                }
                Instruction::Modulo(to, a, b) => {
                    put!(to, bits(int(at!(a)).checked_rem(int(at!(b)))?))
                }
                Instruction::Power(to, a, b) => {
                    let exponent = u32::try_from(int(at!(b))).ok()?;
                    put!(to, bits(int(at!(a)).checked_pow(exponent)?))
                }
                Instruction::ShiftLeft(to, a, b) => {
                    put!(to, bits(int(at!(a)).checked_shl(places(at!(b))?)?))
                }
                Instruction::ShiftRight(to, a, b) => {
                    put!(to, bits(int(at!(a)).checked_shr(places(at!(b))?)?))
                }
                Instruction::Negate(to, a) => put!(to, bits(int(at!(a)).checked_neg()?)),
                Instruction::Absolute(to, a) => put!(to, bits(int(at!(a)).checked_abs()?)),
                Instruction::And(to, a, b) => put!(to, at!(a) & at!(b)),
                Instruction::Or(to, a, b) => put!(to, at!(a) | at!(b)),
                Instruction::Xor(to, a, b) => put!(to, at!(a) ^ at!(b)),
                Instruction::Not(to, a) => put!(to, at!(a) ^ 1),
                Instruction::Lesser(to, a, b) => put!(to, bits(int(at!(a)).min(int(at!(b))))),
                Instruction::Greater(to, a, b) => put!(to, bits(int(at!(a)).max(int(at!(b))))),
                Instruction::Equal(to, a, b) => put!(to, u64::from(at!(a) == at!(b))),
                Instruction::Unequal(to, a, b) => put!(to, u64::from(at!(a) != at!(b))),
                Instruction::Below(to, a, b) => put!(to, u64::from(int(at!(a)) < int(at!(b)))),
                Instruction::UpTo(to, a, b) => put!(to, u64::from(int(at!(a)) <= int(at!(b)))),
                Instruction::AddFloat(to, a, b) => {
                    put!(to, (float(at!(a)) + float(at!(b))).to_bits())
                }
                Instruction::SubtractFloat(to, a, b) => {
                    put!(to, (float(at!(a)) - float(at!(b))).to_bits())
                }
                Instruction::MultiplyFloat(to, a, b) => {
                    put!(to, (float(at!(a)) * float(at!(b))).to_bits())
                }
                Instruction::DivideFloat(to, a, b) => {
                    put!(to, (float(at!(a)) / float(at!(b))).to_bits())
                }
                Instruction::ModuloFloat(to, a, b) => {
                    put!(to, (float(at!(a)) % float(at!(b))).to_bits())
                }
                Instruction::PowerFloat(to, a, b) => {
                    put!(to, float(at!(a)).powf(float(at!(b))).to_bits())
                }
                Instruction::NegateFloat(to, a) => put!(to, (-float(at!(a))).to_bits()),
                Instruction::AbsoluteFloat(to, a) => put!(to, float(at!(a)).abs().to_bits()),
                Instruction::Root(to, a) => put!(to, float(at!(a)).sqrt().to_bits()),
                Instruction::Floor(to, a) => put!(to, float(at!(a)).floor().to_bits()),
                Instruction::Ceiling(to, a) => put!(to, float(at!(a)).ceil().to_bits()),
                Instruction::EqualFloat(to, a, b) => {
                    put!(to, u64::from(are_equal(float(at!(a)), float(at!(b)))))
                }
                Instruction::UnequalFloat(to, a, b) => {
                    put!(to, u64::from(are_unequal(float(at!(a)), float(at!(b)))))
                }
                Instruction::AboveFloat(to, a, b) => {
                    put!(to, u64::from(is_above(float(at!(a)), float(at!(b)))))
                }
                Instruction::FromFloat(to, a, b) => {
                    put!(to, u64::from(is_from(float(at!(a)), float(at!(b)))))
                }
                Instruction::Jump(target) => next = usize::from(target),
                Instruction::JumpIf(a, target) => jump!(at!(a) != 0, target),
                Instruction::JumpUnless(a, target) => jump!(at!(a) == 0, target),
                Instruction::JumpEqual(a, b, target) => jump!(at!(a) == at!(b), target),
                Instruction::JumpUnequal(a, b, target) => jump!(at!(a) != at!(b), target),
                Instruction::JumpBelow(a, b, target) => {
                    jump!(int(at!(a)) < int(at!(b)), target)
                }
                Instruction::JumpUpTo(a, b, target) => {
                    jump!(int(at!(a)) <= int(at!(b)), target)
                }
                Instruction::Repeat(cost, target) => {
                    spend(&mut fuel, cost, guard)?;
                    next = usize::from(target);
                }
                Instruction::Count(item, cost, target) => {
                    let (at, end) = (at!(item.wrapping_add(1)), at!(item.wrapping_add(2)));
                    // Below the end, there is one more.
                    let counted = int(at).wrapping_add(1);
                    if counted < int(end) {
                        spend(&mut fuel, cost, guard)?;
                        put!(item.wrapping_add(1), bits(counted));
                        put!(item, bits(counted));
                        next = usize::from(target);
                    }
                }
                Instruction::Item(to, item, index) => {
                    let item = &program.items[usize::from(item)];
                    let index = usize::try_from(int(at!(index))).ok()?;
                    let element = arrays[usize::from(item.array)].get(index)?;
                    let (kind, bits) = values::inside(element, &item.properties)?;
                    if kind != item.kind {
                        return None;
                    }
                    put!(to, bits);
                }
                Instruction::Call(first, callee) => {
                    if calls.len() == depth {
                        return None;
                    }
                    calls.push(Frame { chunk: number, next, base });
                    number = usize::from(callee);
                    (chunk, next, base) = (&program.chunks[number], 0, base + usize::from(first));
                    spend(&mut fuel, chunk.cost, guard)?;
                    registers = window(memory, base);
                    load(registers, chunk);
                }
                Instruction::Return(result) => {
                    put!(0_u8, at!(result));
                    let Some(caller) = calls.pop() else { return Some(()) };
                    (number, next, base) = (caller.chunk, caller.next, caller.base);
                    chunk = &program.chunks[number];
                    registers = window(memory, base);
                }
            }
        }
    }
}

/// The registers of the function whose first one is at `base`.
fn window(memory: &mut Vec<u64>, base: usize) -> &mut Window {
    if memory.len() < base + WINDOW {
        memory.resize(base + WINDOW, 0);
    }
    memory[base..].first_chunk_mut().expect("there is memory for a window")
}

/// Puts a function's constants behind its arguments.
fn load(registers: &mut Window, chunk: &Chunk) {
    let start = usize::from(chunk.arguments);
    registers[start..start + chunk.constants.len()].copy_from_slice(&chunk.constants);
}

/// Pays for a turn or a call, and looks at the clock now and then.
fn spend(fuel: &mut u32, cost: u8, guard: &Guard) -> Option<()> {
    match fuel.checked_sub(u32::from(cost)) {
        Some(left) => *fuel = left,
        None => {
            guard.check_time().ok()?;
            *fuel = FUEL;
        }
    }
    Some(())
}

fn int(bits: u64) -> i64 {
    bits.cast_signed()
}

fn bits(int: i64) -> u64 {
    int.cast_unsigned()
}

fn float(bits: u64) -> f64 {
    f64::from_bits(bits)
}

/// A float without what follows its point, as Rhai's `to_int` has it.
fn whole(float: f64) -> Option<i64> {
    let fits = float <= i64::MAX as f64 && float >= i64::MIN as f64;
    fits.then(|| float.trunc() as i64)
}

/// How far to shift; what is no plain distance is left to the walker.
fn places(bits: u64) -> Option<u32> {
    u32::try_from(bits).ok()
}

/// What the difference of two floats is measured by: Rhai takes them for equal if they nearly are.
///
/// These four are what its operators compute, to the bit.
fn scale(a: f64, b: f64) -> f64 {
    if a * b == 0.0 { 1.0 } else { a.abs().max(b.abs()) }
}

fn are_equal(a: f64, b: f64) -> bool {
    let scale = scale(a, b);
    scale == 0.0 || (a - b).abs() / scale <= f64::EPSILON
}

fn are_unequal(a: f64, b: f64) -> bool {
    let scale = scale(a, b);
    scale != 0.0 && (a - b).abs() / scale > f64::EPSILON
}

fn is_above(a: f64, b: f64) -> bool {
    let scale = scale(a, b);
    scale != 0.0 && (a - b) / scale > f64::EPSILON
}

fn is_from(a: f64, b: f64) -> bool {
    let scale = scale(a, b);
    scale == 0.0 || (a - b) / scale > -f64::EPSILON
}
