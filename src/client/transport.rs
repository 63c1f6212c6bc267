//! The socket below the client: one write and one read a request, and no probing.
//!
//! ureq's own transport asks the kernel twice whether an idle connection still lives, and sends
//! headers and body apart. The Runtime API is one hop away and a lost connection is found out by
//! using it, so that both would only cost system calls.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

/// Holds the head of an answer, whose client context may take 3.5 kB, and most events whole.
const INPUT_BUFFER: usize = 32 << 10;

/// Holds the head of a request, of which the X-Ray cause may take 64 KiB.
const OUTPUT_BUFFER: usize = 80 << 10;

/// More than this is sent without waiting for the rest of the request.
const SEND_AT: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct RuntimeApiConnector;

impl<In: Transport> Connector<In> for RuntimeApiConnector {
    type Out = RuntimeApiTransport;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<In>,
    ) -> Result<Option<RuntimeApiTransport>, Error> {
        let stream = TcpStream::connect(&details.addrs[..])?;
        stream.set_nodelay(true)?;
        Ok(Some(RuntimeApiTransport {
            stream,
            buffers: LazyBuffers::new(INPUT_BUFFER, OUTPUT_BUFFER),
            unsent: Vec::new(),
        }))
    }
}

pub(super) struct RuntimeApiTransport {
    stream: TcpStream,
    buffers: LazyBuffers,
    /// What waits for the rest of the request.
    unsent: Vec<u8>,
}

impl RuntimeApiTransport {
    fn send(&mut self) -> io::Result<()> {
        let sent = self.stream.write_all(&self.unsent);
        self.unsent.clear();
        sent
    }
}

impl Transport for RuntimeApiTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        self.unsent.extend_from_slice(&self.buffers.output()[..amount]);
        if self.unsent.len() >= SEND_AT {
            self.send()?;
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        if !self.unsent.is_empty() {
            self.send()?;
        }
        let amount = loop {
            match self.stream.read(self.buffers.input_append_buf()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        true
    }
}

impl fmt::Debug for RuntimeApiTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeApiTransport").finish_non_exhaustive()
    }
}
