//! `backup FILE`: a copy of the store at one moment, sealed with a key that the master key gives, also while the store is
//! written to. The reading side is here too: `restore` begins with it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use domain::vault::{BackupCipher, BackupHeader, MasterKey, Place};
use stores::sqlite::{DataDir, FILE, snapshot};

use super::{Operator, Progress, Report, Scratch, blocking};
use crate::node::master_key::{self, Missing};
use crate::node::rotation::sync_directory;

pub(super) async fn backup(operator: &Operator, file: PathBuf, progress: Progress) -> anyhow::Result<Report> {
    let random = operator.world.random.as_ref();
    let source = operator.config.master_key_source();
    let master = master_key::load(&source, operator.world.environment.as_ref(), Missing::Refuse, random)?;
    let ring = operator.node.store.key_ring().await?;
    if ring.iter().any(|row| row.master != master.id()) {
        bail!("the key in {source} is not the master key of this store; see keyward master-key status");
    }
    let clock = operator.world.clock.as_ref();
    let header = BackupHeader::new(&master, clock.now(), random);
    let data_dir = operator.config.data_dir.clone();
    let target = file.clone();
    let bytes = blocking(move || write(&data_dir, &target, &master, &header, &progress)).await?;
    let text = format!("{}: {bytes} bytes, sealed\n", file.display());
    let detail = format!("file={} bytes={bytes}", file.display());
    // On a full disk the backup is there and its entry is not: the backup counts more.
    let failure =
        operator.node.note(clock.now(), "operator", "store.backup", detail).await.err().map(|error| {
            format!("the backup is whole, but the audit does not have it: {error}; look at the disk.")
        });
    Ok(Report { text, failure })
}

fn write(
    data_dir: &Path,
    file: &Path,
    master: &MasterKey,
    header: &BackupHeader,
    progress: &Progress,
) -> anyhow::Result<u64> {
    refuse_existing(file)?;
    let scratch = Scratch::new(data_dir)?;
    let copy = DataDir::take(scratch.path())?;
    snapshot(data_dir, &copy, &mut |percent| progress("copying", percent))?;
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let sealed = seal_file(&copy.file(FILE), &partial, master, header, progress)
        .and_then(|bytes| {
            refuse_existing(file)?;
            fs::rename(&partial, file)?;
            sync_directory(file)?;
            Ok(bytes)
        })
        .with_context(|| format!("the backup cannot be written to {}", file.display()));
    if sealed.is_err() {
        // Of no use, and perhaps what fills the disk.
        let _ = fs::remove_file(&partial);
    }
    sealed
}

/// A backup never replaces another: the older one may be the one that is needed.
fn refuse_existing(file: &Path) -> anyhow::Result<()> {
    if file.exists() {
        bail!("{} exists; name a file that does not", file.display());
    }
    Ok(())
}

fn seal_file(
    plain: &Path,
    sealed: &Path,
    master: &MasterKey,
    header: &BackupHeader,
    progress: &Progress,
) -> anyhow::Result<u64> {
    let mut input = File::open(plain)?;
    let length = input.metadata()?.len();
    match fs::remove_file(sealed) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let mut output = OpenOptions::new().write(true).create_new(true).mode(0o600).open(sealed)?;
    let mut cipher = BackupCipher::new(master, header)?;
    output.write_all(&header.to_bytes())?;
    let mut done: u64 = 0;
    let mut piece = Vec::with_capacity(BackupCipher::PIECE_BYTES);
    loop {
        let place = next_piece(&mut input, BackupCipher::PIECE_BYTES, &mut piece)?;
        output.write_all(&cipher.seal(&piece, place)?)?;
        done += u64::try_from(piece.len())?;
        progress("sealing", percent(done, length));
        if place == Place::Last {
            break;
        }
    }
    output.sync_all()?;
    Ok(output.metadata()?.len())
}

/// Reads up to `length` bytes; a piece that is not full is the last one, be it empty.
fn next_piece(input: &mut impl Read, length: usize, piece: &mut Vec<u8>) -> std::io::Result<Place> {
    piece.clear();
    input.take(u64::try_from(length).unwrap_or(u64::MAX)).read_to_end(piece)?;
    Ok(if piece.len() < length { Place::Last } else { Place::Inner })
}

fn percent(done: u64, all: u64) -> u8 {
    u8::try_from(done.saturating_mul(100) / all.max(1)).unwrap_or(100).min(100)
}

/// A backup whose beginning was read.
#[derive(Debug)]
pub(super) struct Sealed {
    input: BufReader<File>,
    /// What it says of itself; proven only by opening it.
    pub(super) header: BackupHeader,
    length: u64,
}

impl Sealed {
    /// Reads the beginning of a backup.
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        let input = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let length = input.metadata()?.len();
        let mut input = BufReader::new(input);
        let mut header = [0; BackupHeader::BYTES];
        let header = input.read_exact(&mut header).ok().and_then(|()| BackupHeader::parse(&header));
        let header = header.with_context(|| {
            format!(
                "{} is no backup that this version knows; name a file that keyward backup made",
                file.display()
            )
        })?;
        Ok(Self { input, header, length })
    }

    /// Opens all of it into the file `plain`.
    pub(super) fn write_to(
        mut self,
        plain: &Path,
        master: &MasterKey,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let mut cipher = BackupCipher::new(master, &self.header)?;
        let mut output = OpenOptions::new().write(true).create_new(true).mode(0o600).open(plain)?;
        let (mut piece, mut done) = (Vec::new(), 0);
        loop {
            let length = BackupCipher::PIECE_BYTES + BackupCipher::TAG_BYTES;
            let place = next_piece(&mut self.input, length, &mut piece)?;
            let opened = cipher.open(&piece, place);
            output.write_all(&opened.context("the backup was changed or cut off; use another one")?)?;
            done += u64::try_from(piece.len())?;
            progress("opening", percent(done, self.length));
            if place == Place::Last {
                return Ok(output.sync_all()?);
            }
        }
    }
}
