//! What clients get when there is no response of the function: each service has its own words.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::Kind;

/// Why a client does not get a response of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The function failed: it threw, crashed, or took longer than its own timeout.
    Function,
    /// The result is no response.
    Malformed,
    /// The service did not wait any longer: see [`Kind::patience`].
    Patience,
    /// The request is too large for the service, or its event for Lambda.
    TooLarge,
    /// No route matches.
    NoRoute,
}

/// A line of the tables below: status, body, and the type that REST APIs name.
type Words = (StatusCode, &'static str, &'static str);

impl Failure {
    pub(super) fn response(self, kind: Kind, request_id: &str) -> Response<Bytes> {
        let (status, body, error_type) = match kind {
            Kind::Url => self.function_url(),
            Kind::V2 => self.http_api(),
            Kind::V1 => self.rest_api(),
            Kind::Alb | Kind::AlbMulti => return self.load_balancer(),
        };
        let mut response = Response::new(Bytes::from_static(body.as_bytes()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if !error_type.is_empty() {
            let name = HeaderName::from_static("x-amzn-errortype");
            headers.insert(name, HeaderValue::from_static(error_type));
        }
        identify(kind, request_id, headers);
        response
    }

    fn function_url(self) -> Words {
        match self {
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                r#"{"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}"#,
                "RequestTooLargeException",
            ),
            // A URL has one route and all the time of its function.
            Self::Function | Self::Malformed | Self::Patience | Self::NoRoute => {
                (StatusCode::BAD_GATEWAY, "Internal Server Error", "")
            }
        }
    }

    /// An HTTP API answers 500 where a REST API answers 502.
    fn http_api(self) -> Words {
        match self {
            Self::Function | Self::Malformed => {
                (StatusCode::INTERNAL_SERVER_ERROR, r#"{"message":"Internal Server Error"}"#, "")
            }
            Self::Patience => {
                (StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"Service Unavailable"}"#, "")
            }
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, r#"{"message":"Request Entity Too Large"}"#, "")
            }
            Self::NoRoute => (StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#, ""),
        }
    }

    fn rest_api(self) -> Words {
        match self {
            // "Handling Lambda errors with an API Gateway API".
            Self::Function | Self::Malformed => (
                StatusCode::BAD_GATEWAY,
                r#"{"message": "Internal server error"}"#,
                "InternalServerErrorException",
            ),
            Self::Patience => (
                StatusCode::GATEWAY_TIMEOUT,
                r#"{"message": "Endpoint request timed out"}"#,
                "InternalServerErrorException",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                r#"{"message":"Request Too Long"}"#,
                "RequestTooLargeException",
            ),
            // A path that is not there looks as if it was one that is kept from the client.
            Self::NoRoute => (
                StatusCode::FORBIDDEN,
                r#"{"message":"Missing Authentication Token"}"#,
                "MissingAuthenticationTokenException",
            ),
        }
    }

    fn load_balancer(self) -> Response<Bytes> {
        let (status, title) = match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "413 Request Entity Too Large"),
            Self::NoRoute => (StatusCode::NOT_FOUND, "404 Not Found"),
            // A function that takes too long is no 504 either ("Troubleshoot your Application Load
            // Balancers").
            Self::Function | Self::Malformed | Self::Patience => {
                (StatusCode::BAD_GATEWAY, "502 Bad Gateway")
            }
        };
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n\
             <center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        let mut response = Response::new(Bytes::from(page));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        headers.insert(header::SERVER, HeaderValue::from_static("awselb/2.0"));
        response
    }
}

/// Adds the header in which a service tells the request's id.
pub(super) fn identify(kind: Kind, request_id: &str, headers: &mut HeaderMap) {
    let name = match kind {
        Kind::Url | Kind::V1 => "x-amzn-requestid",
        Kind::V2 => "apigw-requestid",
        Kind::Alb | Kind::AlbMulti => return,
    };
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
