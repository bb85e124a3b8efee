//! Asking a person: questions on standard error, answers a line each on standard input, secrets without an echo.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::Failure;

/// Longer than any answer.
pub(super) const MAX_LINE_BYTES: u64 = 4096;

/// Whether what is typed is seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Echo {
    /// It is.
    On,
    /// It is not: a secret.
    Off,
}

/// One line without its end, asked for where somebody sits at a terminal.
pub(super) fn ask(question: &str, echo: Echo, input: &mut impl BufRead) -> Result<String, Failure> {
    let is_terminal = std::io::stdin().is_terminal();
    // Before the question, so that nothing typed in answer to it is seen.
    let hidden = (is_terminal && echo == Echo::Off).then(Hidden::new).flatten();
    if is_terminal {
        // A closed standard error asks nobody.
        let _ = write!(std::io::stderr(), "{question}: ");
    }
    let mut line = String::new();
    let read = input.read_line(&mut line);
    if hidden.is_some() {
        let _ = writeln!(std::io::stderr());
    }
    read.map_err(|error| Failure(format!("standard input cannot be read: {error}.")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A new password: asked for twice at a terminal, where nobody sees what he types; else a line.
pub(super) fn new_password(input: &mut dyn Read) -> Result<Zeroizing<String>, Failure> {
    let mut input = BufReader::new(input.take(2 * MAX_LINE_BYTES));
    let password = Zeroizing::new(ask("New password", Echo::Off, &mut input)?);
    if password.is_empty() {
        return Err(Failure("there is no password on standard input; type it, or pipe it in.".to_owned()));
    }
    if std::io::stdin().is_terminal() {
        let again = Zeroizing::new(ask("Again", Echo::Off, &mut input)?);
        if again != password {
            return Err(Failure("the two are not the same; nothing was changed.".to_owned()));
        }
    }
    Ok(password)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> Option<Self> {
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &silent).ok()?;
        Some(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone needs no mending.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}
