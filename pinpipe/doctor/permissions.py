"""Checks of the credentials and their permissions: by a simulation of IAM, then by cheap reads.

Neither S3 nor Kinesis has a dry run. IAM's SimulatePrincipalPolicy covers writes, too, but ignores
the policy of a bucket or stream, so each bucket and stream is also read.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from contract import names
from pinpipe.doctor.account import Account
from pinpipe.doctor.finding import Finding

BUCKET_ACTIONS = ("s3:ListBucket",)
OBJECT_ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
STREAM_ACTIONS = (
    "kinesis:PutRecord",
    "kinesis:PutRecords",
    "kinesis:DescribeStreamSummary",
    "kinesis:ListShards",
    "kinesis:GetShardIterator",
    "kinesis:GetRecords",
)

WRONG_KEYS = {
    "InvalidClientTokenId": "AWS doesn't know the access key",
    "SignatureDoesNotMatch": "the secret key belongs to another access key",
    "ExpiredToken": "the session token has expired",
    "ExpiredTokenException": "the session token has expired",
    "IncompleteSignature": "the secret key can't be used",
}
"""Meaning of each error code of STS."""
DENIED = {"AccessDenied", "AccessDeniedException", "403", "Forbidden"}


def credentials(account: Account) -> tuple[Finding, str]:
    """Check the credentials with STS; the second value is the caller's ARN, empty if unknown."""
    try:
        answer = account.client("sts").get_caller_identity()
    except NoCredentialsError:
        remedy = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or use a role"
        return Finding("credentials", "none are set", remedy), ""
    except ClientError as error:
        code = error.response["Error"]["Code"]
        what = WRONG_KEYS.get(code, f"STS refuses them: {code}")
        remedy = "create new keys in IAM, or log in again, and put them into .env.aws"
        return Finding("credentials", what, remedy), ""
    except BotoCoreError as error:
        return Finding("credentials", f"STS can't be called: {error}", "check AWS_REGION"), ""
    arn = str(answer["Arn"])
    return Finding("credentials", f"they belong to {arn} (sts:GetCallerIdentity)"), arn


def permissions(account: Account, arn: str) -> Iterator[Finding]:
    """Check what the caller may do with the bucket and the streams."""
    if arn.endswith(":root"):
        yield Finding("permissions", f"{arn} may do everything; IAM doesn't simulate a root user")
    else:
        yield from simulated(account, arn)
    yield from reads(account)


def simulated(account: Account, arn: str) -> Iterator[Finding]:
    """Simulate every action that clients of the pipelines need."""
    user_id, region = account.settings.user_id, account.settings.aws_region
    _, partition, _, _, number, _ = arn.split(":", 5)
    bucket = f"arn:{partition}:s3:::{names.bucket(user_id)}"
    streams = [
        f"arn:{partition}:kinesis:{region}:{number}:stream/{stream}"
        for stream in account.settings.streams
    ]
    iam = account.client("iam")
    for area, actions, resources in (
        ("s3", BUCKET_ACTIONS, [bucket]),
        ("s3", OBJECT_ACTIONS, [f"{bucket}/*"]),
        ("kinesis", STREAM_ACTIONS, streams),
    ):
        how = "iam:SimulatePrincipalPolicy"
        try:
            answer = iam.simulate_principal_policy(
                PolicySourceArn=principal(arn), ActionNames=list(actions), ResourceArns=resources
            )
        except (BotoCoreError, ClientError) as error:
            yield Finding(area, f"writes weren't checked: {how} can't be called: {error}")
            continue
        denied: dict[str, list[str]] = {}
        for result in answer["EvaluationResults"]:
            if result["EvalDecision"] != "allowed":
                resource = result.get("EvalResourceName", resources[0])
                denied.setdefault(resource, []).append(result["EvalActionName"])
        for resource, missing in denied.items():
            what = f"{principal(arn)} may not {', '.join(missing)} on {resource} ({how})"
            yield Finding(area, what, "allow it in a policy of the caller")
        if not denied:
            yield Finding(area, f"the caller may {', '.join(actions)} ({how})")


def principal(arn: str) -> str:
    """The user or role that the policies belong to: for a session of a role, the role."""
    assumed = re.fullmatch(r"arn:([\w-]+):sts::(\d+):assumed-role/([^/]+)/.+", arn)
    return f"arn:{assumed[1]}:iam::{assumed[2]}:role/{assumed[3]}" if assumed else arn


def reads(account: Account) -> Iterator[Finding]:
    """Read one key of the bucket, and the summary of each stream."""
    user_id = account.settings.user_id
    s3, kinesis = account.client("s3"), account.client("kinesis")
    bucket = names.bucket(user_id)
    deploy = "deploy localstack/template.yaml, or correct USER_ID and AWS_REGION"
    one, how = "s3:ListObjectsV2 of one key", "kinesis:DescribeStreamSummary"
    yield _read(f"bucket {bucket}", one, deploy, s3.list_objects_v2, Bucket=bucket, MaxKeys=1)
    for stream in account.settings.streams:
        own = stream in names.streams(user_id)
        remedy = deploy if own else f"run `aws kinesis create-stream --stream-name {stream}`"
        call = kinesis.describe_stream_summary
        yield _read(f"stream {stream}", how, remedy, call, StreamName=stream)


def _read(area: str, how: str, missing: str, run: Callable[..., Any], **parameters: Any) -> Finding:
    try:
        run(**parameters)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in DENIED:
            return Finding(area, f"it may not be read ({how})", "allow it in the caller's policy")
        return Finding(area, f"{code} ({how})", missing)
    except BotoCoreError as error:
        return Finding(area, f"it can't be read: {error}", "correct unreachable addresses first")
    return Finding(area, f"it can be read ({how})")
