"""Changes to LocalStack 4.14.0, made in memory at each start, in the order of ``PATCHES``.

Each module has ``install(start)``, which replaces what it names in LocalStack.

| patch | what it changes in LocalStack | why |
|---|---|---|
| ``runtime`` | listens on the host of GATEWAY_LISTEN instead of every interface | safety |
| | calls S3 as localhost, without a query to a name server outside | safety |
| | keeps temporary files below FILESYSTEM_ROOT, and runs this folder's ready.d | safety |
| | exits at once on SIGTERM, instead of waiting 10 s for idle threads | speed |
| ``kinesis_engine`` | runs kinesalite as the Kinesis engine | speed |
| | keeps the streams of before when the template is deployed | persistence |
| ``kinesis_records`` | passes calls that carry records to the engine unparsed | speed |
| ``s3_objects`` | writes each object to a file, and reads the files at a restart | persistence |
| ``integration_connections`` | keeps connections and credentials of integrations | speed |
| | passes redirects on, and answers 504 after 29 s | parity |
| ``mapping_templates`` | renders ``$input`` as compact UTF-8 | parity |
| | parses bodies, paths and templates once | speed |
| ``request_limits`` | answers 413 above 10 MB, and 400 for a body that is not JSON | parity |
| ``undefined_methods`` | answers 403 for a method that a resource does not define | parity |
| ``undeployed`` | answers 503 for APIs and S3 until the template is deployed | safety |
| ``request_hosts`` | answers 403 to what a web page of another site may have sent | safety |

docs/decisions/0004-localstack.md has the measurements.
"""

from patches import (
    integration_connections,
    kinesis_engine,
    kinesis_records,
    mapping_templates,
    request_hosts,
    request_limits,
    runtime,
    s3_objects,
    undefined_methods,
    undeployed,
)

PATCHES = (
    runtime,
    kinesis_engine,
    kinesis_records,
    s3_objects,
    integration_connections,
    mapping_templates,
    request_limits,
    undefined_methods,
    undeployed,
    request_hosts,
)
