//! Tables in Markdown, and the cells that figures become.

/// A table whose first row is its head; the first column is text, the others are numbers.
pub fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: Vec<usize> = (0..N)
        .map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, &width))| match at {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text += &format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        if at == 0 {
            let rules = widths.iter().enumerate().map(|(at, width)| {
                format!("{}{}", "-".repeat(width + 1), if at == 0 { "-" } else { ":" })
            });
            text += &format!("|{}|\n", rules.collect::<Vec<_>>().join("|"));
        }
    }
    text
}

/// A number, or a dash where there is none.
pub fn cell(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// How many times the base's figure it is.
pub fn ratio(own: Option<f64>, base: Option<f64>) -> String {
    cell(own.zip(base).map(|(own, base)| own / base), 2)
}
