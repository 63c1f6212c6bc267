//! Which service an HTTP event came from: each has its own form for requests and responses.

use std::cell::Cell;

use rhai::{Dynamic, ImmutableString, Map};

/// A service that invokes functions for HTTP requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    /// API Gateway REST APIs, and HTTP APIs with payload format 1.0.
    RestApi,
    /// API Gateway HTTP APIs, payload format 2.0.
    #[default]
    HttpApi,
    /// The function's own URL.
    FunctionUrl,
    /// A load balancer.
    Alb,
    /// A load balancer whose target group has multi-value headers turned on.
    AlbMulti,
    /// API Gateway WebSocket APIs.
    WebSocket,
}

impl Source {
    /// The service that sent `event`; `None` if it is no HTTP request.
    pub(crate) fn of(event: &Map) -> Option<Self> {
        let by_path = || match event.contains_key("rawPath") {
            true => Some(Self::HttpApi),
            false => event.contains_key("httpMethod").then_some(Self::RestApi),
        };
        let context = event.get("requestContext").and_then(|context| context.as_map_ref().ok());
        let Some(context) = context else { return by_path() };
        if context.contains_key("elb") {
            return Some(match event.contains_key("multiValueHeaders") {
                true => Self::AlbMulti,
                false => Self::Alb,
            });
        }
        if context.contains_key("http") {
            let url =
                text(&context, "domainName").is_some_and(|name| name.contains(".lambda-url."));
            return Some(if url { Self::FunctionUrl } else { Self::HttpApi });
        }
        if context.contains_key("connectionId") && context.contains_key("eventType") {
            return Some(Self::WebSocket);
        }
        by_path()
    }

    /// The name that scripts see.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RestApi => "apigw-v1",
            Self::HttpApi => "apigw-v2",
            Self::FunctionUrl => "function-url",
            Self::Alb | Self::AlbMulti => "alb",
            Self::WebSocket => "websocket",
        }
    }
}

/// What `web::` knows of the invocation that is running.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Whether a script uses `web::` at all.
    in_use: Cell<bool>,
    source: Cell<Source>,
    /// Counts the invocations; 0 is init.
    invocation: Cell<u64>,
}

impl State {
    /// From here on events are looked at.
    pub(crate) fn turn_on(&self) {
        self.in_use.set(true);
    }

    /// Starts an invocation: its event says in which form responses are wanted.
    pub(crate) fn begin(&self, event: &Dynamic) {
        if self.in_use.get() {
            self.invocation.set(self.invocation.get() + 1);
            let source = event.as_map_ref().ok().and_then(|event| Source::of(&event));
            self.source.set(source.unwrap_or_default());
        }
    }

    /// A request was made of another event than the one that began the invocation.
    pub(crate) fn see(&self, source: Source) {
        self.source.set(source);
    }

    /// The form in which responses are wanted.
    pub(crate) fn source(&self) -> Source {
        self.source.get()
    }

    /// The number of the invocation.
    pub(crate) fn invocation(&self) -> u64 {
        self.invocation.get()
    }
}

/// The string at `key`.
pub(crate) fn text(map: &Map, key: &str) -> Option<ImmutableString> {
    map.get(key)?.as_immutable_string_ref().ok().map(|text| text.clone())
}
