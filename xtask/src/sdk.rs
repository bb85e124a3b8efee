//! `cargo xtask sdk`: the clouds' official, unmodified clients against the real binary.
//!
//! A journey is a script `tests/sdk/<dialect>/<name>.py` that starts the program named by `KEYWARD_BIN` on a port
//! of the system's choice and exits with 0 only when all went well. Names that begin with `_` are helpers. Beside the
//! journeys, `requirements.txt` pins the clients in Python, `requirements-alone.txt` those that are installed without what
//! they ask for, and `package.json` those for Node.js, whose folder of modules a journey finds in `NODE_PATH`. Each dialect
//! has its own, because clients want different versions of the same things.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{cargo, root, run};

/// Where the journeys are, from the root.
const FOLDER: &str = "tests/sdk";

/// Runs all journeys, or those of one dialect.
pub(crate) fn sdk(dialect: Option<&str>) -> Result<(), String> {
    let journeys = journeys(&root().join(FOLDER), dialect)?;
    if journeys.is_empty() {
        return match dialect {
            Some(dialect) => Err(format!("there are no journeys in {FOLDER}/{dialect}")),
            None => {
                println!("There are no journeys in {FOLDER}.");
                Ok(())
            }
        };
    }
    cargo(&["build", "--package", "keyward"])?;
    let binary = binary_beside_this_one()?;
    for journey in &journeys {
        let clients = Clients::of(journey.parent().unwrap_or(journey))?;
        let journey = journey.strip_prefix(root()).unwrap_or(journey);
        let mut command = Command::new(&clients.python);
        command.arg(format!("{FOLDER}/run_journey.py")).arg(journey);
        command.env("KEYWARD_BIN", &binary).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("NODE_PATH", &clients.node_modules);
        run(&mut command)?;
    }
    println!("{} journeys passed.", journeys.len());
    Ok(())
}

/// The scripts in the folders below `folder`, in order.
fn journeys(folder: &Path, dialect: Option<&str>) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for dialect_folder in entries(folder)? {
        let wanted = dialect.is_none_or(|dialect| dialect_folder.file_name() == Some(OsStr::new(dialect)));
        if wanted && dialect_folder.is_dir() {
            found.extend(entries(&dialect_folder)?.into_iter().filter(|path| is_journey(path)));
        }
    }
    found.sort();
    Ok(found)
}

fn is_journey(path: &Path) -> bool {
    let is_helper = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('_'));
    path.extension() == Some(OsStr::new("py")) && !is_helper
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |error| format!("{} cannot be read: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
}

/// The clients of one dialect, installed below `target/sdk/<dialect>`.
struct Clients {
    python: PathBuf,
    node_modules: PathBuf,
}

impl Clients {
    /// Installs what the files of `folder` pin, unless it is there already.
    fn of(folder: &Path) -> Result<Self, String> {
        let home = root().join("target/sdk").join(folder.file_name().unwrap_or_default());
        let (venv, node) = (home.join("python"), home.join("node"));
        let (requirements, alone) = (folder.join("requirements.txt"), folder.join("requirements-alone.txt"));
        install(&[&requirements, &alone], &venv, || {
            run(Command::new("python3").args(["-m", "venv"]).arg(&venv))
                .map_err(|error| format!("{error}; on Debian: apt-get install python3-venv"))?;
            pip(&venv, &[], &requirements)?;
            if alone.exists() { pip(&venv, &["--no-deps", "--no-compile"], &alone) } else { Ok(()) }
        })?;
        let package = folder.join("package.json");
        install(&[&package], &node, || {
            fs::copy(&package, node.join("package.json")).map_err(|error| error.to_string())?;
            run(Command::new("npm")
                .args(["install", "--silent", "--no-package-lock", "--no-audit", "--no-fund", "--prefix"])
                .arg(&node))
            .map_err(|error| format!("{error}; on Debian: apt-get install nodejs npm"))
        })?;
        let python = venv.join("bin/python");
        let python = if python.exists() { python } else { PathBuf::from("python3") };
        Ok(Self { python, node_modules: node.join("node_modules") })
    }
}

/// Installs what a file pins into a Python environment.
fn pip(venv: &Path, options: &[&str], requirements: &Path) -> Result<(), String> {
    run(Command::new(venv.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(options)
        .arg("--requirement")
        .arg(requirements))
}

/// Makes `home` anew by `how` when `pins`, files of which only the first must exist for there to be anything to install,
/// are not what was installed there last.
fn install(pins: &[&Path], home: &Path, how: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let texts: Vec<String> = pins.iter().map_while(|file| fs::read_to_string(file).ok()).collect();
    if texts.is_empty() {
        return Ok(());
    }
    let wanted = texts.concat();
    let stamp = home.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let failed = |error: std::io::Error| format!("{} cannot be made anew: {error}", home.display());
    if home.exists() {
        fs::remove_dir_all(home).map_err(failed)?;
    }
    fs::create_dir_all(home).map_err(failed)?;
    how()?;
    fs::write(&stamp, wanted).map_err(failed)
}

/// Cargo puts this program and the server into one folder.
fn binary_beside_this_one() -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|error| format!("own path is unknown: {error}"))?;
    let binary = this.with_file_name("keyward");
    if binary.exists() { Ok(binary) } else { Err(format!("{} was not built", binary.display())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_in_dialect_folders_are_journeys_and_helpers_are_not() {
        let folder = std::env::temp_dir().join(format!("xtask-journeys-{}", std::process::id()));
        for file in ["run_journey.py", "b/keys.py", "b/_server.py", "b/notes.txt", "a/users.py"] {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let all = journeys(&folder, None).unwrap();
        let one = journeys(&folder, Some("b")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(all, [folder.join("a/users.py"), folder.join("b/keys.py")]);
        assert_eq!(one, [folder.join("b/keys.py")]);
    }
}
