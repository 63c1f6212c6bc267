//! `bootstrap` with one more function for scripts, written in Rust.

use std::process::ExitCode;

use rhai_lambda::Runtime;
use rhai_lambda::rhai::EvalAltResult;

fn main() -> ExitCode {
    Runtime::builder()
        .with_engine(|engine| {
            engine.register_fn("ean13_check_digit", ean13_check_digit);
        })
        .build()
        .run()
}

/// The check digit that ends an EAN-13, from the twelve digits before it.
///
/// # Errors
/// For any other text. Scripts can catch it; uncaught, it is an error with a place, as all others.
fn ean13_check_digit(digits: &str) -> Result<i64, Box<EvalAltResult>> {
    let values: Option<Vec<u32>> = digits.chars().map(|digit| digit.to_digit(10)).collect();
    let Some(values) = values.filter(|values| values.len() == 12) else {
        return Err(format!("`{digits}` is not twelve digits").into());
    };
    let weights = [1, 3].into_iter().cycle();
    let sum: u32 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    Ok(i64::from((10 - sum % 10) % 10))
}
