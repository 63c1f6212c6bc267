//! The zip itself. Nothing in it depends on when, where or by whom it is made: no times, no owners,
//! two modes, names in order.

use std::io::{Cursor, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::contents::Contents;
use super::limits::{Limit, Room};

/// Best, of deflate: a function is packed seldom and loaded often.
const LEVEL: i64 = 9;

/// A zip in memory.
pub(super) struct Archive {
    pub(super) bytes: Vec<u8>,
    /// The size of each file within, zipped, in the order of the contents.
    pub(super) zipped: Vec<u64>,
    /// What comes out again.
    pub(super) unzipped: u64,
}

impl Archive {
    /// Reads and packs the files of `contents`.
    pub(super) fn of(contents: &Contents) -> Result<Self, String> {
        let unzipped = contents.files.iter().map(|file| file.size).sum();
        if let Room::None(error) = Limit::UNZIPPED.room(unzipped) {
            // Before any of it is read.
            return Err(error);
        }
        let failed = |error: &dyn std::fmt::Display| format!("failed to make the zip: {error}");
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for file in &contents.files {
            let content = std::fs::read(&file.path)
                .map_err(|error| format!("`{}` cannot be read: {error}", file.name))?;
            // Lambda unpacks as one user and runs as another: all may read.
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .compression_level(Some(LEVEL))
                .last_modified_time(DateTime::DEFAULT)
                .unix_permissions(if file.is_executable { 0o755 } else { 0o644 });
            writer.start_file(&*file.name, options).map_err(|error| failed(&error))?;
            writer.write_all(&content).map_err(|error| failed(&error))?;
        }
        let bytes = writer.finish().map_err(|error| failed(&error))?.into_inner();
        let mut written =
            ZipArchive::new(Cursor::new(bytes.as_slice())).map_err(|error| failed(&error))?;
        let zipped = (0..contents.files.len())
            .map(|index| written.by_index_raw(index).map(|file| file.compressed_size()));
        let zipped = zipped.collect::<Result<_, _>>().map_err(|error| failed(&error))?;
        Ok(Self { bytes, zipped, unzipped })
    }

    /// Why Lambda would not take it.
    pub(super) fn too_large(&self) -> Option<String> {
        match Limit::ZIPPED.room(self.bytes.len() as u64) {
            Room::None(error) => Some(error),
            _ => None,
        }
    }

    /// What comes near a limit.
    pub(super) fn warnings(&self) -> Vec<String> {
        let rooms =
            [Limit::ZIPPED.room(self.bytes.len() as u64), Limit::UNZIPPED.room(self.unzipped)];
        let warning = |room| if let Room::Little(warning) = room { Some(warning) } else { None };
        rooms.into_iter().filter_map(warning).collect()
    }

    /// The digest that Lambda shows of a function's code.
    pub(super) fn code_sha256(&self) -> String {
        STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, &self.bytes))
    }
}
