"""What S3 and its client say → what a person can do."""

from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from mailer.errors import StorageAway

_CREDENTIALS = "Check the credentials of the AWS SDK (AWS_PROFILE, AWS_ACCESS_KEY_ID …)."
_NETWORK = "Check the network, AWS_REGION and AWS_ENDPOINT_URL_S3; the same may work later."
_REGION = "Set AWS_REGION to the bucket's region."
_OTHER = "See the S3 documentation of this error code; the same may work later."

_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_NEXT_STEPS = {
    "AccessDenied": "Allow mailer's credentials s3:ListBucket on the bucket and s3:GetObject on its objects.",
    "AllAccessDisabled": "Ask AWS support: access to this bucket is disabled.",
    "AuthorizationHeaderMalformed": _REGION,
    "ExpiredToken": "Renew the credentials.",
    "InvalidAccessKeyId": _CREDENTIALS,
    "InvalidObjectState": "Restore the object from its archive first.",
    "InvalidToken": _CREDENTIALS,
    "NoSuchBucket": "Check the bucket's name in MAILER_ATTACHMENTS, and that the credentials are of its account.",
    "PermanentRedirect": _REGION,
    "RequestTimeTooSkewed": "Set this machine's clock.",
    "SignatureDoesNotMatch": _CREDENTIALS,
    "SlowDown": "S3 asks for fewer requests; the same works later.",
}


def s3_away(location: str, error: Exception) -> StorageAway:
    """The error of a caller: S3 refused (its code is named), or could not be reached."""
    if isinstance(error, ClientError):
        refusal = error.response.get("Error", {})
        code = str(refusal.get("Code", "no error code"))
        return StorageAway(
            f"S3 refused {location}: {code}, {refusal.get('Message', 'without a message')}",
            _NEXT_STEPS.get(code, _OTHER),
        )
    if isinstance(error, _NO_CREDENTIALS):
        return StorageAway(f"there are no AWS credentials for {location} ({type(error).__name__})", _CREDENTIALS)
    return StorageAway(f"S3 can't be reached for {location} ({type(error).__name__})", _NETWORK)
