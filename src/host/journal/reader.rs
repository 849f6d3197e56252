//! Reads the format `export` of `journalctl`, however it is cut into pieces. Fields are lines `NAME=value`, or, if the value
//! is no plain text, `NAME`, its length in eight bytes, and the value; an empty line ends an entry.

use std::ops::Range;
use std::sync::Arc;

use crate::cluster::name::ClusterName;
use crate::render::identity::{Instance, UnitKind};

/// Entries of one journal, in its order. All their text is in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalBatch {
    text: Vec<u8>,
    /// At least one, unless nothing came.
    pub entries: Vec<JournalMessage>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalMessage {
    /// When, in microseconds since 1970, by the clock of the host.
    pub time: i64,
    /// The service, and its slot if it has some: `web`, `web@a`.
    pub service: Arc<str>,
    message: Range<usize>,
}

impl JournalBatch {
    /// What an entry of this batch says, byte for byte.
    #[must_use]
    pub fn message(&self, entry: &JournalMessage) -> &[u8] {
        &self.text[entry.message.clone()]
    }
}

/// What has come of one journal so far.
#[derive(Debug, Clone)]
pub struct JournalReader {
    cluster: ClusterName,
    /// The beginning of an entry that is not whole.
    pending: Vec<u8>,
    /// Units that were seen, and what they are called.
    known: Vec<(Vec<u8>, Arc<str>)>,
    cursor: Vec<u8>,
}

impl JournalReader {
    /// For a journal of which nothing has come.
    #[must_use]
    pub fn new(cluster: &ClusterName) -> Self {
        Self {
            cluster: cluster.clone(),
            pending: Vec::new(),
            known: Vec::new(),
            cursor: Vec::new(),
        }
    }

    /// Where the last whole entry is in the journal.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        std::str::from_utf8(&self.cursor)
            .ok()
            .filter(|cursor| !cursor.is_empty())
    }

    /// What came and is no whole entry is forgotten: the connection was lost.
    pub fn begin_anew(&mut self) {
        self.pending.clear();
    }

    /// Takes the next piece, and gives the entries that are whole with it.
    pub fn take(&mut self, piece: &[u8]) -> JournalBatch {
        let mut bytes = std::mem::take(&mut self.pending);
        bytes.extend_from_slice(piece);
        let mut batch = JournalBatch::default();
        let mut begin = 0;
        while let Some((fields, end)) = Fields::parse(&bytes[begin..]) {
            begin += end;
            let (Some(time), Some(message)) = (fields.time, fields.message) else {
                continue;
            };
            let service = self.service(&fields);
            let start = batch.text.len();
            batch.text.extend_from_slice(message);
            batch.entries.push(JournalMessage {
                time,
                service,
                message: start..batch.text.len(),
            });
            self.cursor.clear();
            self.cursor.extend_from_slice(fields.cursor);
        }
        bytes.drain(..begin);
        self.pending = bytes;
        batch
    }

    /// Whose entry it is: systemd says whose a message of its own is.
    fn service(&mut self, fields: &Fields<'_>) -> Arc<str> {
        let [own, told, object] = fields.units;
        for unit in [own, told, object] {
            if let Some((_, name)) = self.known.iter().find(|(known, _)| *known == unit) {
                return Arc::clone(name);
            }
            let name = std::str::from_utf8(unit).ok().and_then(|unit| {
                let (unit, _) = UnitKind::split(unit)?;
                let Instance { service, slot } = Instance::of_unit(&self.cluster, unit)?;
                Some(match slot {
                    Some(slot) => format!("{service}@{slot}"),
                    None => service.to_string(),
                })
            });
            if let Some(name) = name {
                let name: Arc<str> = name.into();
                self.known.push((unit.to_vec(), Arc::clone(&name)));
                return name;
            }
        }
        "?".into()
    }
}

/// What is read of an entry.
#[derive(Default)]
struct Fields<'a> {
    cursor: &'a [u8],
    time: Option<i64>,
    message: Option<&'a [u8]>,
    /// The unit that said it, that it is about, and the same if somebody else said it.
    units: [&'a [u8]; 3],
}

impl<'a> Fields<'a> {
    /// The first entry, and where it ends; `None` if it is not whole.
    fn parse(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let mut fields = Self::default();
        let mut at = 0;
        loop {
            let length = bytes[at..].iter().position(|byte| *byte == b'\n')?;
            let line = &bytes[at..at + length];
            at += length + 1;
            if line.is_empty() {
                return Some((fields, at));
            }
            let (name, value) = match line.iter().position(|byte| *byte == b'=') {
                Some(equals) => (&line[..equals], &line[equals + 1..]),
                None => {
                    let size = bytes.get(at..at + 8)?;
                    let size = u64::from_le_bytes(size.try_into().ok()?);
                    let end = usize::try_from(size).ok()?.checked_add(at + 8)?;
                    let value = bytes.get(at + 8..end)?;
                    bytes.get(end)?;
                    at = end + 1;
                    (line, value)
                }
            };
            match name {
                b"__CURSOR" => fields.cursor = value,
                b"__REALTIME_TIMESTAMP" => {
                    let digits = std::str::from_utf8(value).ok();
                    fields.time = digits.and_then(|digits| digits.parse().ok());
                }
                b"MESSAGE" => fields.message = Some(value),
                b"_SYSTEMD_UNIT" => fields.units[0] = value,
                b"UNIT" => fields.units[1] = value,
                b"OBJECT_SYSTEMD_UNIT" => fields.units[2] = value,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn reader() -> JournalReader {
        JournalReader::new(&ClusterName::new("prod").unwrap())
    }

    fn read(mut reader: JournalReader, pieces: &[&[u8]]) -> Vec<(i64, String, Vec<u8>)> {
        let mut all = Vec::new();
        for piece in pieces {
            let batch = reader.take(piece);
            let entries = batch.entries.iter();
            all.extend(entries.map(|entry| {
                let service = entry.service.to_string();
                (entry.time, service, batch.message(entry).to_vec())
            }));
        }
        all
    }

    fn entry(time: i64, unit: &str, message: &[u8]) -> Vec<u8> {
        let mut bytes =
            format!("__CURSOR=s=1;i={time}\n__REALTIME_TIMESTAMP={time}\n").into_bytes();
        bytes.extend(format!("_SYSTEMD_UNIT={unit}\nMESSAGE\n").into_bytes());
        bytes.extend((message.len() as u64).to_le_bytes());
        bytes.extend(message);
        bytes.extend(b"\n\n");
        bytes
    }

    #[test]
    fn an_entry_is_of_its_service() {
        let text = b"__CURSOR=c\n__REALTIME_TIMESTAMP=5\n_SYSTEMD_UNIT=init.scope\nUNIT=prod-web@a.service\n\
                     MESSAGE=Started\n\n__CURSOR=d\n__REALTIME_TIMESTAMP=6\nMESSAGE=a=b\n_SYSTEMD_UNIT=prod-web.service\n\n";
        let mut reader = reader();
        let batch = reader.take(text);
        let [first, second] = &*batch.entries else {
            panic!("{batch:?}");
        };
        assert_eq!((first.time, &*first.service), (5, "web@a"));
        assert_eq!(
            (&*second.service, batch.message(second)),
            ("web", &b"a=b"[..])
        );
        assert_eq!(reader.cursor(), Some("d"));
    }

    proptest! {
        /// Messages may have line breaks, and lines that look like fields or like the end of an entry.
        #[test]
        fn messages_come_as_they_are_however_they_are_cut(
            messages: Vec<Vec<u8>>,
            cuts in proptest::collection::vec(1_usize..40, 1..20),
        ) {
            let entries = messages.iter().enumerate();
            let bytes: Vec<u8> = entries
                .flat_map(|(at, message)| entry(i64::try_from(at).unwrap(), "prod-web.service", message))
                .collect();
            let mut pieces = Vec::new();
            let mut rest = &*bytes;
            let mut sizes = cuts.iter().cycle();
            while !rest.is_empty() {
                let (piece, more) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            let found = read(reader(), &pieces);
            let found: Vec<&Vec<u8>> = found.iter().map(|(_, _, message)| message).collect();
            prop_assert_eq!(found, messages.iter().collect::<Vec<_>>());
        }

        #[test]
        fn whatever_a_host_says_is_no_panic(bytes: Vec<u8>, more in any::<Vec<u8>>()) {
            let found = read(reader(), &[&bytes, &more]);
            prop_assert!(found.len() <= bytes.len() + more.len());
        }
    }
}
