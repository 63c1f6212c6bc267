//! The event of a request, in the form of each service.

use axum::http::request::Parts;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};

use super::headers::{self, Values};
use super::routes::Found;
use super::{Arrival, Gateway, Kind, text};

/// The stage of a REST API. An HTTP API and a function URL have the one that is called `$default`.
const STAGE: &str = "prod";

/// The types whose bodies are passed on as text by function URLs, HTTP APIs and load balancers.
///
/// This is the whole list ("Lambda functions as targets", Elastic Load Balancing; for HTTP APIs as
/// measured): forms, `application/problem+json` and bodies of no type at all are base64.
const TEXT_TYPES: [&str; 3] = ["application/json", "application/javascript", "application/xml"];

/// All that an event is made of.
pub(super) struct Source<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) request: &'a Parts,
    pub(super) body: &'a [u8],
    pub(super) arrival: &'a Arrival,
    pub(super) found: &'a Found,
}

impl Source<'_> {
    pub(super) fn event(&self) -> Value {
        let headers = headers::of_request(self.gateway.kind, self.request, self.arrival);
        match self.gateway.kind {
            Kind::Url | Kind::V2 => self.format_2(&headers),
            Kind::V1 => self.format_1(&headers),
            Kind::Alb | Kind::AlbMulti => self.load_balancer(&headers),
        }
    }

    /// Payload format 2.0. What is not there is left out.
    fn format_2(&self, headers: &Values) -> Value {
        let mut event = json!({
            "version": "2.0",
            "routeKey": self.found.key,
            "rawPath": self.path_2(),
            "rawQueryString": self.query(),
            "headers": joined(headers, ","),
            "requestContext": self.context_2(),
            "isBase64Encoded": false,
        });
        let mut add = |name: &str, value: Value| {
            event[name] = value;
        };
        let cookies = self.cookies();
        if !cookies.is_empty() {
            add("cookies", json!(cookies));
        }
        let query = self.query_values(text::decode_query);
        if !query.is_empty() {
            add("queryStringParameters", joined(&query, ","));
        }
        if !self.found.parameters.is_empty() {
            let parameters = self.found.parameters.iter();
            add(
                "pathParameters",
                parameters.map(|(name, value)| (name.clone(), text::decode(value))).collect(),
            );
        }
        if !self.gateway.stage_variables.is_empty() {
            add("stageVariables", json!(self.gateway.stage_variables));
        }
        if !self.body.is_empty() {
            let (body, is_base64) = self.body();
            add("body", body);
            add("isBase64Encoded", is_base64.into());
        }
        event
    }

    fn context_2(&self) -> Value {
        let owner = &self.gateway.owner;
        let is_url = self.gateway.kind == Kind::Url;
        let id = text::id(&owner.function, if is_url { 32 } else { 10 });
        let domain = match is_url {
            true => format!("{id}.lambda-url.{}.on.aws", owner.region),
            false => self.domain(&id),
        };
        json!({
            // A URL without authentication does not say whose it is.
            "accountId": if is_url { "anonymous" } else { &owner.account },
            "apiId": id,
            "domainName": domain,
            "domainPrefix": id,
            "http": {
                "method": self.request.method.as_str(),
                "path": self.path_2(),
                "protocol": self.protocol(),
                "sourceIp": self.arrival.source.to_string(),
                "userAgent": self.user_agent().unwrap_or_default(),
            },
            "requestId": self.arrival.request_id,
            "routeKey": self.found.key,
            "stage": "$default",
            "time": text::log_time(self.arrival.time),
            "timeEpoch": text::millis(self.arrival.time),
        })
    }

    /// `rawPath` is raw with function URLs alone: HTTP APIs decode it.
    fn path_2(&self) -> String {
        match self.gateway.kind {
            Kind::Url => self.path().to_owned(),
            _ => text::decode(self.path()),
        }
    }

    /// Payload format 1.0. What is not there is `null`; the path and its parameters stay encoded.
    fn format_1(&self, headers: &Values) -> Value {
        let query = self.query_values(text::decode_query);
        let (body, is_base64) = self.body();
        json!({
            "resource": self.found.path,
            "path": self.path(),
            "httpMethod": self.request.method.as_str(),
            "headers": last(headers),
            "multiValueHeaders": headers,
            "queryStringParameters": or_null(last(&query)),
            "multiValueQueryStringParameters": or_null(json!(query)),
            "pathParameters": or_null(self.found.parameters.iter().cloned().collect()),
            "stageVariables": or_null(json!(self.gateway.stage_variables)),
            "requestContext": self.context_1(),
            "body": body,
            "isBase64Encoded": is_base64,
        })
    }

    fn context_1(&self) -> Value {
        let owner = &self.gateway.owner;
        let id = text::id(&owner.function, 10);
        let nobody = [
            "accessKey",
            "accountId",
            "caller",
            "cognitoAuthenticationProvider",
            "cognitoAuthenticationType",
            "cognitoIdentityId",
            "cognitoIdentityPoolId",
            "principalOrgId",
            "user",
            "userArn",
        ];
        let mut identity: Map<String, Value> =
            nobody.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
        identity.insert("sourceIp".to_owned(), self.arrival.source.to_string().into());
        identity.insert("userAgent".to_owned(), self.user_agent().into());
        json!({
            "accountId": owner.account,
            "apiId": id,
            "deploymentId": text::id("deployment", 6),
            "domainName": self.domain(&id),
            "domainPrefix": id,
            "extendedRequestId": text::id(&self.arrival.request_id, 15) + "=",
            "httpMethod": self.request.method.as_str(),
            "identity": identity,
            // The one place where the stage is part of the path.
            "path": format!("/{STAGE}{}", self.path()),
            "protocol": self.protocol(),
            "requestId": self.arrival.request_id,
            "requestTime": text::log_time(self.arrival.time),
            "requestTimeEpoch": text::millis(self.arrival.time),
            "resourceId": text::id(&self.found.path, 6),
            "resourcePath": self.found.path,
            "stage": STAGE,
        })
    }

    /// The event of a load balancer. It decodes nothing, neither path nor query ("Lambda functions
    /// as targets", Elastic Load Balancing).
    fn load_balancer(&self, headers: &Values) -> Value {
        let owner = &self.gateway.owner;
        let query = self.query_values(ToOwned::to_owned);
        let (body, is_base64) = self.body();
        let group = format!(
            "arn:aws:elasticloadbalancing:{}:{}:targetgroup/{}/{}",
            owner.region,
            owner.account,
            owner.function,
            text::id(&owner.function, 16)
        );
        let mut event = json!({
            "requestContext": { "elb": { "targetGroupArn": group } },
            "httpMethod": self.request.method.as_str(),
            "path": self.path(),
            "body": body,
            "isBase64Encoded": is_base64,
        });
        if self.gateway.kind == Kind::AlbMulti {
            event["multiValueHeaders"] = json!(headers);
            event["multiValueQueryStringParameters"] = json!(query);
        } else {
            event["headers"] = last(headers);
            event["queryStringParameters"] = last(&query);
        }
        event
    }

    /// The body, and whether it is base64.
    fn body(&self) -> (Value, bool) {
        let base64 = || (BASE64_STANDARD.encode(self.body).into(), true);
        let content_type = headers::first(&self.request.headers, "content-type");
        match self.gateway.kind {
            Kind::V1 if self.body.is_empty() => (Value::Null, false),
            _ if self.body.is_empty() => ("".into(), false),
            Kind::V1 if self.gateway.is_binary(content_type.as_deref()) => base64(),
            // A REST API takes all for text that is not said to be binary, and so spoils what is.
            Kind::V1 => (String::from_utf8_lossy(self.body).into(), false),
            kind => {
                let media = text::media_type(content_type.as_deref().unwrap_or_default());
                let is_packed = matches!(kind, Kind::Alb | Kind::AlbMulti)
                    && self.request.headers.contains_key("content-encoding");
                let is_text = media.starts_with("text/") || TEXT_TYPES.contains(&media.as_str());
                match std::str::from_utf8(self.body) {
                    Ok(text) if is_text && !is_packed => (text.into(), false),
                    _ => base64(),
                }
            }
        }
    }

    fn path(&self) -> &str {
        match self.request.uri.path() {
            "" => "/",
            path => path,
        }
    }

    fn query(&self) -> &str {
        self.request.uri.query().unwrap_or_default()
    }

    fn query_values(&self, decode: impl Fn(&str) -> String) -> Values {
        let mut values = Values::new();
        for (name, value) in text::pairs(self.query()) {
            values.entry(decode(name)).or_default().push(decode(value));
        }
        values
    }

    fn cookies(&self) -> Vec<String> {
        let headers = self.request.headers.get_all("cookie").iter();
        headers
            .flat_map(|value| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                let cookies = value.split(';').map(str::trim).filter(|cookie| !cookie.is_empty());
                cookies.map(ToOwned::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }

    fn domain(&self, id: &str) -> String {
        format!("{id}.execute-api.{}.amazonaws.com", self.gateway.owner.region)
    }

    fn protocol(&self) -> String {
        format!("{:?}", self.request.version)
    }

    fn user_agent(&self) -> Option<String> {
        headers::first(&self.request.headers, "user-agent")
    }
}

/// One value for each name: all of them, joined.
fn joined(values: &Values, separator: &str) -> Value {
    values.iter().map(|(name, all)| (name.clone(), all.join(separator))).collect()
}

/// One value for each name: the last.
fn last(values: &Values) -> Value {
    values
        .iter()
        .map(|(name, all)| (name.clone(), all.last().cloned().unwrap_or_default()))
        .collect()
}

/// The map, or `null` if it is empty.
fn or_null(map: Value) -> Value {
    match map.as_object().is_some_and(Map::is_empty) {
        true => Value::Null,
        false => map,
    }
}
