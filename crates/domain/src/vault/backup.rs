//! The sealed form of a backup, as a stream of pieces. Reads and writes no file.
//!
//! ```text
//! header = "keyward-backup\n" (15) | 0x01 | master key id (8) | made at (i64 BE, milliseconds) | salt (32)
//! key    = HMAC-SHA-256(master key, "keyward/backup/1" | salt)
//! piece  = AES-256-GCM(key, nonce, up to 1 MiB) with its tag; associated data: the header
//! nonce  = number of the piece from 0 (u64 BE) | 0 0 0 | 1 for the last piece, 0 for the others
//! ```
//!
//! The key belongs to one backup, so counted nonces never repeat. Pieces that are swapped, left out or cut off do not open.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::Mac;
use zeroize::Zeroizing;

use super::{MasterKey, MasterKeyId, NONCE_BYTES, VaultError, cipher, keyed};
use crate::clock::UnixMillis;
use crate::random::Randomness;

const MAGIC: &[u8; 16] = b"keyward-backup\n\x01";
const SALT_BYTES: usize = 32;

/// What a backup begins with. Readable without a key; a changed one opens nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupHeader {
    /// The master key that opens it, and that wraps the key ring in it.
    pub master: MasterKeyId,
    /// When it was made.
    pub made_at: UnixMillis,
    salt: [u8; SALT_BYTES],
}

impl BackupHeader {
    /// Length of its written form.
    pub const BYTES: usize = 64;

    /// A header for a new backup.
    pub fn new(master: &MasterKey, now: UnixMillis, random: &dyn Randomness) -> Self {
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt);
        Self { master: master.id, made_at: now, salt }
    }

    /// The written form.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&MAGIC[..], &self.master.0, &self.made_at.0.to_be_bytes(), &self.salt].concat()
    }

    /// Reads the written form; `None` for anything else, later formats included.
    pub fn parse(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (master, rest) = rest.split_first_chunk()?;
        let (made_at, salt) = rest.split_first_chunk()?;
        Some(Self {
            master: MasterKeyId(*master),
            made_at: UnixMillis(i64::from_be_bytes(*made_at)),
            salt: salt.try_into().ok()?,
        })
    }
}

/// Where a piece stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// More follow.
    Inner,
    /// The backup ends with it.
    Last,
}

/// Seals or opens the pieces of one backup in their order.
pub struct BackupCipher {
    cipher: Aes256Gcm,
    header: Vec<u8>,
    next: u64,
}

impl BackupCipher {
    /// Bytes of every piece but the last, which may be shorter.
    pub const PIECE_BYTES: usize = 1 << 20;
    /// By how much sealing lengthens a piece.
    pub const TAG_BYTES: usize = 16;

    /// Before the first piece.
    ///
    /// # Errors
    /// [`VaultError::WrongMasterKey`] when the header names another master key.
    pub fn new(master: &MasterKey, header: &BackupHeader) -> Result<Self, VaultError> {
        if master.id != header.master {
            return Err(VaultError::WrongMasterKey);
        }
        let mut mac = keyed(master.key.as_slice());
        mac.update(b"keyward/backup/1");
        mac.update(&header.salt);
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
        Ok(Self { cipher: cipher(&key), header: header.to_bytes(), next: 0 })
    }

    /// Seals the next piece.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] for a piece of more than 64 GiB.
    pub fn seal(&mut self, piece: &[u8], place: Place) -> Result<Vec<u8>, VaultError> {
        let nonce = self.nonce(place);
        let payload = Payload { msg: piece, aad: &self.header };
        self.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| VaultError::DoesNotOpen)
    }

    /// Opens the next piece.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] for anything but that piece of that backup in that place.
    pub fn open(&mut self, sealed: &[u8], place: Place) -> Result<Vec<u8>, VaultError> {
        let nonce = self.nonce(place);
        let payload = Payload { msg: sealed, aad: &self.header };
        self.cipher.decrypt(&Nonce::from(nonce), payload).map_err(|_| VaultError::DoesNotOpen)
    }

    fn nonce(&mut self, place: Place) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        for (to, from) in nonce.iter_mut().zip(self.next.to_be_bytes()) {
            *to = from;
        }
        if let (Some(last), Place::Last) = (nonce.last_mut(), place) {
            *last = 1;
        }
        self.next += 1;
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::super::master_key::PREFIX;
    use super::*;
    use crate::testing::TestRandom;

    fn master() -> MasterKey {
        MasterKey::from_text(&format!("{PREFIX}{}", "0123456789abcdef".repeat(4))).unwrap()
    }

    fn header() -> BackupHeader {
        BackupHeader::new(&master(), UnixMillis(1_700_000_000_000), &TestRandom::seeded(3))
    }

    fn sealed(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut cipher = BackupCipher::new(&master(), &header()).unwrap();
        let last = pieces.len() - 1;
        let place = |at| if at == last { Place::Last } else { Place::Inner };
        pieces.iter().enumerate().map(|(at, piece)| cipher.seal(piece, place(at)).unwrap()).collect()
    }

    /// Opens all, or says which piece did not open.
    fn opened(header: &BackupHeader, pieces: &[&Vec<u8>]) -> Result<Vec<u8>, usize> {
        let mut cipher = BackupCipher::new(&master(), header).unwrap();
        let mut out = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            let place = if at + 1 == pieces.len() { Place::Last } else { Place::Inner };
            out.extend(cipher.open(piece, place).map_err(|_| at)?);
        }
        Ok(out)
    }

    #[test]
    fn pieces_open_in_their_places_only() {
        let pieces = sealed(&[b"one", b"two", b"three"]);
        let [one, two, three] = &pieces[..] else { panic!("three pieces") };
        assert_eq!(opened(&header(), &[one, two, three]).unwrap(), b"onetwothree");
        assert_eq!(opened(&header(), &[two, one, three]), Err(0), "swapped");
        assert_eq!(opened(&header(), &[one, three]), Err(1), "one left out");
        assert_eq!(opened(&header(), &[one, two]), Err(1), "cut off at a piece's end");
        assert_eq!(opened(&header(), &[one, two, three, three]), Err(2), "lengthened");
        for at in 0..one.len() {
            let mut flipped = one.clone();
            flipped[at] ^= 1;
            assert_eq!(opened(&header(), &[&flipped, two, three]), Err(0), "byte {at}");
        }
        let empty = sealed(&[b""]);
        assert_eq!(opened(&header(), &[&empty[0]]).unwrap(), b"");
    }

    #[test]
    fn a_header_reads_back_and_a_changed_one_opens_nothing() {
        let bytes: [u8; BackupHeader::BYTES] = header().to_bytes().try_into().unwrap();
        assert_eq!(BackupHeader::parse(&bytes), Some(header()));
        let piece = &sealed(&[b"one"])[0];
        for at in 0..bytes.len() {
            let mut flipped = bytes;
            flipped[at] ^= 1;
            match BackupHeader::parse(&flipped) {
                None => assert!(at < 16, "byte {at} is no mark"),
                Some(header) if header.master != master().id() => {
                    assert!(BackupCipher::new(&master(), &header).is_err(), "byte {at}");
                }
                Some(header) => assert_eq!(opened(&header, &[piece]), Err(0), "byte {at}"),
            }
        }
    }
}
