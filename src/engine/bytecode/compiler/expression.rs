//! Expressions: operators, calls, and values from outside.

use rhai::{ASTFlags, BinaryExpr, Expr, FnCallExpr, Stmt};

use super::{Compiler, Local, NATIVES, Value};
use crate::engine::bytecode::program::{Instruction, Kind, Path, Register, Source};

/// An instruction with two operands.
type Binary = fn(Register, Register, Register) -> Instruction;

impl Compiler<'_> {
    /// Writes an expression, and says where its value is: in `want` if that is given and it had to be
    /// made, else wherever it lies.
    pub(super) fn expression(
        &mut self,
        expression: &Expr,
        want: Option<Register>,
    ) -> Option<Value> {
        self.work()?;
        match expression {
            Expr::IntegerConstant(value, _) => self.constant(value.cast_unsigned(), Kind::Int),
            Expr::FloatConstant(value, _) => self.constant(value.to_bits(), Kind::Float),
            Expr::BoolConstant(value, _) => self.constant(u64::from(*value), Kind::Bool),
            Expr::Unit(_) => Some(Value { register: 0, kind: Kind::Unit }),
            Expr::Variable(parts, ..) if parts.2.is_empty() => self.variable(&parts.1, want),
            Expr::Variable(parts, ..) => {
                let is_global = parts.2.root() == "global";
                let source = Source::Global(parts.1.to_string());
                self.input(source, false).filter(|_| is_global)
            }
            Expr::Stmt(block) => {
                let to = self.place(want)?;
                let kind = self.block(block.statements(), Some(to))?;
                Some(Value { register: to, kind })
            }
            Expr::FnCall(call, _) => self.call(call, want),
            Expr::And(..) | Expr::Or(..) => {
                // What is wanted may be asked for until the end.
                let to = self.allocate()?;
                self.truth(expression, to)?;
                Some(Value { register: to, kind: Kind::Bool })
            }
            Expr::Dot(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                self.chained(parts, want)
            }
            Expr::Index(parts, flags, _) if is_plain_index(*flags) => self.indexed(parts, want),
            _ => None,
        }
    }

    /// Writes an expression into a register.
    pub(super) fn value(&mut self, expression: &Expr, to: Register) -> Option<Kind> {
        let next = self.body.next;
        let value = self.expression(expression, Some(to))?;
        self.deliver(value, Some(to));
        self.body.next = next;
        Some(value.kind)
    }

    pub(super) fn place(&mut self, want: Option<Register>) -> Option<Register> {
        match want {
            Some(register) => Some(register),
            None => self.allocate(),
        }
    }

    fn variable(&mut self, name: &str, want: Option<Register>) -> Option<Value> {
        match self.local(name) {
            Some(&Local { array: Some(array), register, .. }) => {
                self.item(array, Vec::new(), register, want)
            }
            Some(local) => Some(Value { register: local.register, kind: local.kind }),
            None if self.body.is_function => None,
            None => self.input(Source::Variable(Path::of(name)), false),
        }
    }

    /// The path to a value from outside of the loop, if that is all there is in an expression.
    pub(super) fn outside(&self, expression: &Expr) -> Option<Path> {
        let (first, properties) = match expression {
            Expr::Variable(..) => (expression, Vec::new()),
            Expr::Dot(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                let names = links(parts)?.into_iter().map(|link| match link {
                    Link::Property(name) => Some(name.to_owned()),
                    _ => None,
                });
                (&parts.lhs, names.collect::<Option<_>>()?)
            }
            _ => return None,
        };
        let Expr::Variable(variable, ..) = first else { return None };
        let is_outside =
            variable.2.is_empty() && !self.body.is_function && self.local(&variable.1).is_none();
        is_outside.then(|| Path { variable: variable.1.to_string(), properties })
    }

    /// Writes `list[at]`.
    fn indexed(&mut self, parts: &BinaryExpr, want: Option<Register>) -> Option<Value> {
        let path = self.outside(&parts.lhs)?;
        let index = self.expression(&parts.rhs, None)?;
        match index.kind {
            Kind::Int => {
                let array = self.array(path)?;
                self.item(array, Vec::new(), index.register, want)
            }
            Kind::Never => Some(index),
            _ => None,
        }
    }

    /// Writes what stands on both sides of an operator.
    pub(super) fn operands(&mut self, left: &Expr, right: &Expr) -> Option<(Value, Value)> {
        let mut first = self.expression(left, None)?;
        // What the right side assigns to must not change the left one any more.
        if may_assign(right) {
            let copy = self.allocate()?;
            self.deliver(first, Some(copy));
            first.register = copy;
        }
        let second = self.expression(right, None)?;
        Some((first, second))
    }

    /// Writes an operator between two values.
    pub(super) fn operation(
        &mut self,
        operator: &str,
        left: Value,
        right: Value,
        want: Option<Register>,
    ) -> Option<Value> {
        if left.kind == Kind::Never || right.kind == Kind::Never {
            return Some(Value { register: left.register, kind: Kind::Never });
        }
        let ((instruction, kind), is_swapped, left, right) = match (left.kind, right.kind) {
            (Kind::Int, Kind::Int) => (of_integers(operator)?, false, left, right),
            (Kind::Bool, Kind::Bool) => (of_booleans(operator)?, false, left, right),
            (Kind::Int | Kind::Float, Kind::Int | Kind::Float) => {
                let (left, right) = (self.floated(left)?, self.floated(right)?);
                (of_floats(operator)?, matches!(operator, "<" | "<="), left, right)
            }
            _ => return None,
        };
        // Of integers there is no `>` either.
        let is_swapped = is_swapped || (left.kind == Kind::Int && matches!(operator, ">" | ">="));
        let (one, other) = match is_swapped {
            true => (right.register, left.register),
            false => (left.register, right.register),
        };
        let to = self.place(want)?;
        self.emit(instruction(to, one, other));
        Some(Value { register: to, kind })
    }

    /// A number as a float.
    fn floated(&mut self, value: Value) -> Option<Value> {
        if value.kind == Kind::Float {
            return Some(value);
        }
        let register = self.allocate()?;
        self.emit(Instruction::ToFloat(register, value.register));
        Some(Value { register, kind: Kind::Float })
    }

    /// Writes a call, of an operator, of one of the script's functions or of a native.
    pub(super) fn call(&mut self, call: &FnCallExpr, want: Option<Register>) -> Option<Value> {
        if call.is_qualified() || call.capture_parent_scope {
            return None;
        }
        if call.is_operator_call() {
            return match &call.args[..] {
                [left, right] => {
                    let (left, right) = self.operands(left, right)?;
                    self.operation(&call.name, left, right, want)
                }
                [operand] => {
                    let operand = self.expression(operand, None)?;
                    let instruction = match (call.name.as_str(), operand.kind) {
                        ("-", Kind::Int) => Instruction::Negate,
                        ("-", Kind::Float) => Instruction::NegateFloat,
                        ("!", Kind::Bool) => Instruction::Not,
                        (_, Kind::Never) => return Some(operand),
                        _ => return None,
                    };
                    let to = self.place(want)?;
                    self.emit(instruction(to, operand.register));
                    Some(Value { register: to, kind: operand.kind })
                }
                _ => None,
            };
        }
        let key = (call.name.to_string(), call.args.len());
        if self.material.functions.contains_key(&key) {
            return self.script_call(key, &call.args);
        }
        self.native(&call.name, &call.args, want)
    }

    /// Writes a call of one of the script's functions, whose registers start behind all in use.
    fn script_call(&mut self, key: super::Key, arguments: &[Expr]) -> Option<Value> {
        let first = self.allocate()?;
        self.body.next -= 1;
        let mut kinds = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let register = self.allocate()?;
            kinds.push(self.value(argument, register)?);
        }
        self.body.next = usize::from(first) + 1;
        if kinds.contains(&Kind::Never) {
            // It is not called, or it is not known yet what with.
            return Some(Value { register: first, kind: Kind::Never });
        }
        if kinds.contains(&Kind::Unit) {
            return None;
        }
        let number = self.signature(key, kinds)?;
        self.emit(Instruction::Call(first, u16::try_from(number + 1).ok()?));
        Some(Value { register: first, kind: self.signatures[number].result })
    }

    /// Writes a call of a function of Rhai's, in either form.
    fn native(&mut self, name: &str, arguments: &[Expr], want: Option<Register>) -> Option<Value> {
        match arguments {
            [argument] => {
                let argument = self.expression(argument, None)?;
                self.native_of_one(name, argument, want)
            }
            [left, right] => {
                let (left, right) = self.operands(left, right)?;
                let instruction: Binary = match (self.known(name)?, left.kind, right.kind) {
                    ("max", Kind::Int, Kind::Int) => Instruction::Greater,
                    ("min", Kind::Int, Kind::Int) => Instruction::Lesser,
                    (_, Kind::Never, _) => return Some(left),
                    (.., Kind::Never) => return Some(right),
                    _ => return None,
                };
                let to = self.place(want)?;
                self.emit(instruction(to, left.register, right.register));
                Some(Value { register: to, kind: Kind::Int })
            }
            _ => None,
        }
    }

    fn native_of_one(
        &mut self,
        name: &str,
        argument: Value,
        want: Option<Register>,
    ) -> Option<Value> {
        let (instruction, kind): (fn(Register, Register) -> Instruction, _) =
            match (self.known(name)?, argument.kind) {
                ("abs", Kind::Int) => (Instruction::Absolute, Kind::Int),
                ("abs", Kind::Float) => (Instruction::AbsoluteFloat, Kind::Float),
                ("ceiling", Kind::Float) => (Instruction::Ceiling, Kind::Float),
                ("floor", Kind::Float) => (Instruction::Floor, Kind::Float),
                ("sqrt", Kind::Float) => (Instruction::Root, Kind::Float),
                ("to_float", Kind::Int) => (Instruction::ToFloat, Kind::Float),
                ("to_int", Kind::Float) => (Instruction::ToInt, Kind::Int),
                (_, Kind::Never) => return Some(argument),
                _ => return None,
            };
        let to = self.place(want)?;
        self.emit(instruction(to, argument.register));
        Some(Value { register: to, kind })
    }

    /// The name of a function, unless a script has one of that name.
    fn known<'n>(&self, name: &'n str) -> Option<&'n str> {
        (!self.material.taken.contains(name)).then_some(name)
    }

    /// Writes `a.b.c`, `a.b.len()` and `(a + b).abs().floor()`.
    fn chained(&mut self, parts: &BinaryExpr, want: Option<Register>) -> Option<Value> {
        let mut links = links(parts)?.into_iter().peekable();
        let mut value = match links.peek()? {
            Link::Property(_) | Link::Length => {
                let mut properties = Vec::new();
                while let Some(Link::Property(name)) =
                    links.next_if(|link| matches!(link, Link::Property(_)))
                {
                    properties.push(name.to_owned());
                }
                let is_length = links.next_if(|link| matches!(link, Link::Length)).is_some();
                let Expr::Variable(variable, ..) = &parts.lhs else { return None };
                match (self.local(&variable.1), self.outside(&parts.lhs)) {
                    (Some(&Local { array: Some(array), register, .. }), _) if !is_length => {
                        self.item(array, properties, register, want)?
                    }
                    (_, Some(path)) => {
                        let path = Path { properties, ..path };
                        let source = match is_length {
                            true => Source::Length(self.known("len").map(|_| path)?),
                            false => Source::Variable(path),
                        };
                        self.input(source, false)?
                    }
                    _ => return None,
                }
            }
            Link::Native(_) => self.expression(&parts.lhs, None)?,
        };
        for link in links {
            let Link::Native(name) = link else { return None };
            value = self.native_of_one(name, value, want)?;
        }
        Some(value)
    }
}

/// Whether nothing follows on an index, and it is not one that may be missing.
pub(in crate::engine::bytecode) fn is_plain_index(flags: ASTFlags) -> bool {
    flags == ASTFlags::BREAK
}

/// One part of a chain, behind a point.
pub(in crate::engine::bytecode) enum Link<'e> {
    Property(&'e str),
    Length,
    Native(&'e str),
}

/// The parts of `a.b.c()` behind the first one; none if there are others among them.
pub(in crate::engine::bytecode) fn links(parts: &BinaryExpr) -> Option<Vec<Link<'_>>> {
    let mut links = Vec::new();
    let mut rest = &parts.rhs;
    loop {
        let (link, behind) = match rest {
            Expr::Dot(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                (&parts.lhs, Some(&parts.rhs))
            }
            _ => (rest, None),
        };
        links.push(match link {
            Expr::Property(name, _) => Link::Property(&name.2),
            Expr::MethodCall(call, _) if call.args.is_empty() && !call.is_qualified() => {
                match call.name.as_str() {
                    "len" => Link::Length,
                    name => Link::Native(NATIVES.iter().find(|native| **native == name)?),
                }
            }
            _ => return None,
        });
        let Some(behind) = behind else { return Some(links) };
        rest = behind;
    }
}

/// Whether an expression has statements in it, which could assign to a variable.
fn may_assign(expression: &Expr) -> bool {
    match expression {
        Expr::Stmt(block) => {
            !matches!(block.statements(), [Stmt::Expr(inner)] if !may_assign(inner))
        }
        Expr::FnCall(call, _) | Expr::MethodCall(call, _) => call.args.iter().any(may_assign),
        Expr::And(parts, _) | Expr::Or(parts, _) => parts.iter().any(may_assign),
        Expr::Dot(parts, ..) => may_assign(&parts.lhs) || may_assign(&parts.rhs),
        _ => false,
    }
}

fn of_integers(operator: &str) -> Option<(Binary, Kind)> {
    Some(match operator {
        "+" => (Instruction::Add, Kind::Int),
        "-" => (Instruction::Subtract, Kind::Int),
        "*" => (Instruction::Multiply, Kind::Int),
        "/" => (Instruction::Divide, Kind::Int),
        "%" => (Instruction::Modulo, Kind::Int),
        "**" => (Instruction::Power, Kind::Int),
        "<<" => (Instruction::ShiftLeft, Kind::Int),
        ">>" => (Instruction::ShiftRight, Kind::Int),
        "&" => (Instruction::And, Kind::Int),
        "|" => (Instruction::Or, Kind::Int),
        "^" => (Instruction::Xor, Kind::Int),
        "==" => (Instruction::Equal, Kind::Bool),
        "!=" => (Instruction::Unequal, Kind::Bool),
        "<" | ">" => (Instruction::Below, Kind::Bool),
        "<=" | ">=" => (Instruction::UpTo, Kind::Bool),
        _ => return None,
    })
}

fn of_floats(operator: &str) -> Option<(Binary, Kind)> {
    Some(match operator {
        "+" => (Instruction::AddFloat, Kind::Float),
        "-" => (Instruction::SubtractFloat, Kind::Float),
        "*" => (Instruction::MultiplyFloat, Kind::Float),
        "/" => (Instruction::DivideFloat, Kind::Float),
        "%" => (Instruction::ModuloFloat, Kind::Float),
        "**" => (Instruction::PowerFloat, Kind::Float),
        "==" => (Instruction::EqualFloat, Kind::Bool),
        "!=" => (Instruction::UnequalFloat, Kind::Bool),
        ">" | "<" => (Instruction::AboveFloat, Kind::Bool),
        ">=" | "<=" => (Instruction::FromFloat, Kind::Bool),
        _ => return None,
    })
}

fn of_booleans(operator: &str) -> Option<(Binary, Kind)> {
    Some(match operator {
        "&" => (Instruction::And, Kind::Bool),
        "|" => (Instruction::Or, Kind::Bool),
        "^" => (Instruction::Xor, Kind::Bool),
        "==" => (Instruction::Equal, Kind::Bool),
        "!=" => (Instruction::Unequal, Kind::Bool),
        _ => return None,
    })
}
