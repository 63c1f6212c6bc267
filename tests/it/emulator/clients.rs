//! The Invoke API as real clients see it: the aws CLI and boto3.
