//! What stands between a browser and a function: HTTP requests made events, results made responses.
//!
//! A [`Gateway`] is one function behind one of AWS's four front doors. [`Gateway::call`] makes the
//! event, or the answer that AWS gives without asking the function; the [`Call`] that it returns
//! turns what came of the event into a response. All of it is computation: nothing here listens,
//! waits or knows how a function is run.
//!
//! ```
//! use axum::http::Request;
//! use rhai_lambda::emulator::gateway::{Arrival, Gateway, Kind, Owner};
//!
//! let owner = Owner { function: "tea".into(), region: "eu-west-1".into(), account: "123456789012".into() };
//! let gateway = Gateway::new(Kind::Url, owner);
//! let (request, _) = Request::get("/teas?kind=green").header("host", "localhost:9000").body(()).unwrap().into_parts();
//! let arrival = Arrival::now("127.0.0.1".parse().unwrap());
//! let call = gateway.call(&request, b"", &arrival).expect("a function URL has one route: all");
//! let event: serde_json::Value = serde_json::from_slice(call.event()).unwrap();
//! assert_eq!(event["queryStringParameters"]["kind"], "green");
//! let response = call.response(br#"{"statusCode": 201, "body": "x"}"#).unwrap();
//! assert_eq!(response.status(), 201);
//! ```

mod routes;
mod event;
mod text;
mod headers;
mod response;
mod malformed;
mod failure;
mod stream;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::http::Response;
use axum::http::request::Parts;

use super::function::Function;
use super::ids;
use super::protocol::MAX_EVENT;

pub use failure::Failure;
pub use malformed::Malformed;
pub use response::Notices;
pub use routes::Route;
pub use stream::{Piece, Splitter};

use routes::{Found, Table};

/// What a load balancer takes, both ways: 1 MB ("Lambda functions as targets", Elastic Load
/// Balancing).
const MAX_ALB: usize = 1 << 20;

/// The services that invoke functions for HTTP requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The function's own URL; payload format 2.0.
    #[default]
    Url,
    /// An HTTP API of API Gateway; payload format 2.0.
    V2,
    /// A REST API of API Gateway; payload format 1.0.
    V1,
    /// An Application Load Balancer.
    Alb,
    /// One whose target group has `lambda.multi_value_headers.enabled`.
    AlbMulti,
}

impl Kind {
    /// The service, as a message names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Url => "a function URL",
            Self::V2 => "an HTTP API",
            Self::V1 => "a REST API",
            Self::Alb => "a load balancer",
            Self::AlbMulti => "a load balancer with multi-value headers",
        }
    }

    /// How long the service waits for the function, where that is less than any function may take.
    /// After that the answer is that of [`Failure::Patience`].
    pub fn patience(self) -> Option<Duration> {
        match self {
            Self::V2 => Some(Duration::from_secs(30)),
            Self::V1 => Some(Duration::from_secs(29)),
            Self::Url | Self::Alb | Self::AlbMulti => None,
        }
    }
}

/// Whose function it is: what identifiers and addresses in events are made of.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The function's name.
    pub function: String,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account: String,
}

impl From<&Function> for Owner {
    fn from(function: &Function) -> Self {
        let arn = function.arn();
        let account = arn.split(':').nth(4).unwrap_or_default().to_owned();
        Self { function: function.name.clone(), region: function.region.clone(), account }
    }
}

/// What a request does not say of itself.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Who sent it.
    pub source: IpAddr,
    /// When it came.
    pub time: SystemTime,
    /// The id that the service gave it.
    pub request_id: String,
    /// Its trace, in the form of an X-Ray header.
    pub trace_id: String,
}

impl Arrival {
    /// A request that comes now, with ids of its own.
    pub fn now(source: IpAddr) -> Self {
        let (request_id, trace_id) = (ids::uuid(), ids::trace());
        Self { source, time: SystemTime::now(), request_id, trace_id }
    }
}

/// A function behind one of AWS's front doors.
#[derive(Clone, Debug)]
pub struct Gateway {
    kind: Kind,
    owner: Owner,
    routes: Table,
    stage_variables: BTreeMap<String, String>,
    binary_types: Vec<String>,
}

impl Gateway {
    /// A gateway that sends every request to the function.
    pub fn new(kind: Kind, owner: Owner) -> Self {
        Self {
            kind,
            owner,
            routes: Table::default(),
            stage_variables: BTreeMap::new(),
            binary_types: Vec::new(),
        }
    }

    /// With these routes of API Gateway: requests that none of them matches do not reach the
    /// function. None at all is as if there was one for everything.
    #[must_use]
    pub fn with_routes(mut self, routes: Vec<Route>) -> Self {
        self.routes = Table::new(routes);
        self
    }

    /// With variables of the stage.
    #[must_use]
    pub fn with_stage_variables(mut self, variables: BTreeMap<String, String>) -> Self {
        self.stage_variables = variables;
        self
    }

    /// With the media types that a REST API takes for binary, such as `image/*` or `*/*`. It has
    /// none by itself, and then passes on base64 as it is.
    #[must_use]
    pub fn with_binary_types(mut self, types: Vec<String>) -> Self {
        self.binary_types = types;
        self
    }

    /// Which front door it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Makes the event of a request.
    ///
    /// # Errors
    /// The answer of AWS, if it does not come to an event: no route, or a body that is too large. The
    /// [`Notices`] in its extensions say so to the developer.
    pub fn call(
        &self,
        request: &Parts,
        body: &[u8],
        arrival: &Arrival,
    ) -> Result<Call, Box<Response<Bytes>>> {
        let mut call = Call {
            kind: self.kind,
            request_id: arrival.request_id.clone(),
            // API Gateway looks at the first of the types that the client accepts ("Return binary
            // media from a Lambda proxy integration").
            decodes: self.kind != Kind::V1
                || self.is_binary(headers::first(&request.headers, "accept").as_deref()),
            event: Bytes::new(),
        };
        let refused = |call: &Call, failure, why: String| {
            let mut response = Box::new(call.failure(failure));
            response.extensions_mut().insert(Notices(vec![why]));
            response
        };
        let Some(found) = self.routes.find(self.kind, &request.method, request.uri.path()) else {
            let asked = format!("{} {}", request.method, request.uri.path());
            let why = format!("no route below `[http]` in `rhai-lambda.toml` takes `{asked}`");
            return Err(refused(&call, Failure::NoRoute, why));
        };
        call.event = self.event(request, body, arrival, &found).into();
        let is_load_balancer = matches!(self.kind, Kind::Alb | Kind::AlbMulti);
        if is_load_balancer && body.len() > MAX_ALB || call.event.len() > MAX_EVENT {
            let (body, event, kind) = (body.len(), call.event.len(), self.kind.name());
            let why = format!(
                "the body has {body} bytes, its event {event}: more than {kind} and Lambda take"
            );
            return Err(refused(&call, Failure::TooLarge, why));
        }
        Ok(call)
    }

    fn event(&self, request: &Parts, body: &[u8], arrival: &Arrival, found: &Found) -> Vec<u8> {
        let event = event::Source { gateway: self, request, body, arrival, found }.event();
        event.to_string().into_bytes()
    }

    /// Whether `media`, the value of a header, is of a type that a REST API takes for binary.
    fn is_binary(&self, media: Option<&str>) -> bool {
        let media = text::media_type(media.unwrap_or_default());
        self.binary_types.iter().any(|binary| match binary.as_str() {
            "*/*" => true,
            binary => match binary.strip_suffix("/*") {
                Some(group) => {
                    media.split('/').next().is_some_and(|own| group.eq_ignore_ascii_case(own))
                }
                None => binary.eq_ignore_ascii_case(&media),
            },
        })
    }
}

/// A request that became an event, on its way to become a response.
#[derive(Clone, Debug)]
pub struct Call {
    kind: Kind,
    request_id: String,
    /// Whether a body in base64 is decoded.
    decodes: bool,
    event: Bytes,
}

impl Call {
    /// The event.
    pub fn event(&self) -> &Bytes {
        &self.event
    }

    /// The response that the function's result stands for. What is worth knowing about it although
    /// it is one is in its extensions: [`Notices`].
    ///
    /// # Errors
    /// What is wrong with the result, if the service would not take it; the client then gets the
    /// answer of [`Failure::Malformed`].
    pub fn response(&self, result: &[u8]) -> Result<Response<Bytes>, Malformed> {
        let mut response = response::of(self.kind, self.decodes, result)?;
        failure::identify(self.kind, &self.request_id, response.headers_mut());
        Ok(response)
    }

    /// What the client gets when there is no response.
    pub fn failure(&self, failure: Failure) -> Response<Bytes> {
        failure.response(self.kind, &self.request_id)
    }

    /// Takes a streamed response apart, whose `content_type` is the function's.
    pub fn splitter(&self, content_type: Option<&str>) -> Splitter {
        Splitter::new(self.kind, &self.request_id, content_type)
    }
}
