//! Keeps the credentials of the environment out of logs and errors, whatever put them there.

/// Shorter values are no credentials, and would be found in ordinary words.
const MIN_LENGTH: usize = 8;

/// Values that must not leave the process through a log or an error.
#[derive(Clone, Default)]
pub struct Secrets {
    values: Vec<String>,
}

impl Secrets {
    /// Secrets with these values; short ones are left out.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        Self { values: values.into_iter().filter(|value| value.len() >= MIN_LENGTH).collect() }
    }

    /// The text with `***` in place of every secret.
    ///
    /// ```
    /// use rhai_lambda::secrets::Secrets;
    ///
    /// let secrets = Secrets::new(["wJalrXUtnFEMI".to_owned()]);
    /// assert_eq!(secrets.mask("key wJalrXUtnFEMI!".to_owned()), "key ***!");
    /// ```
    pub fn mask(&self, mut text: String) -> String {
        for value in &self.values {
            if text.contains(value) {
                text = text.replace(value, "***");
            }
        }
        text
    }
}

/// Says how many there are, and no more.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.values.len())
    }
}
