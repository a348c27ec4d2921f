#!/usr/bin/env bash
# Puts the jars that Spark needs in addition to its own into .build/spark/jars, checks them against
# jars.sha256, and makes the class-data archive for the jobs' JVM. Does nothing if both are up to date.
set -euo pipefail
cd "$(dirname "$0")/.."
source services/kafka/java.sh

build=.build/spark
sums=spark/jars.sha256
environment=.build/envs/spark

fail() {
    echo "spark: $1" >&2
    exit 1
}

[[ -x $environment/bin/python ]] || fail "no $environment: run 'make install'"
export SPARK_JAVA=${SPARK_JAVA:-${JAVA_HOME:+$JAVA_HOME/bin/}java}
java=$(java_version "$SPARK_JAVA") || fail "no $SPARK_JAVA: install a JDK 17 or 21"
((java >= 17 && java <= 22)) || fail "$SPARK_JAVA is version $java, not 17 to 22; Hadoop 3.4.2, which Spark uses, \
needs the security manager, which Java 23 and newer refuse (set JAVA_HOME)"
command -v mvn >/dev/null || fail "no mvn: install Maven 3.8 or newer"
export PATH="$PWD/$environment/bin:$PATH"

# The inputs of the jars and of the archive; an archive fits one Java, one folder and one Spark.
wanted=$(
    cat spark/pom.xml "$sums" spark/conf/* spark/install.sh spark/launch/bin/java requirements/spark.txt
    find spark/java -name '*.java' -exec cat {} +
    "$SPARK_JAVA" -version 2>&1
    pwd
)
wanted=$(cksum <<<"$wanted")
if [[ -f $build/installed && $(<"$build/installed") == "$wanted" ]]; then
    exit 0
fi
mkdir -p "$build"
rm -f "$build/installed"

# Jars that pyspark ships take precedence: a library must not be on the class path in two releases.
shipped=$(python -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent / "jars")')
artifact() { sed -E 's/-[0-9][0-9A-Za-z.]*\.jar$//' <<<"${1##*/}"; }

rm -rf "$build/target" "$build/jars.new"
maven -f spark/pom.xml -Dtarget="$PWD/$build/target" package
mkdir "$build/jars.new"
for jar in "$build"/target/all/*.jar; do
    compgen -G "$shipped/$(artifact "$jar")-[0-9]*.jar" >/dev/null || cp "$jar" "$build/jars.new/"
done
check_sums "$build/jars.new" "$sums" ||
    fail "the jars in $build/jars.new are not those of $sums"
[[ $(find "$build/jars.new" -type f | wc -l) -eq $(wc -l <"$sums") ]] ||
    fail "$build/jars.new holds jars that $sums does not name"
# Our own classes (spark/java), against the Spark that they run with.
find spark/java -name '*.java' -exec "${JAVA_HOME:+$JAVA_HOME/bin/}javac" --release 17 -encoding UTF-8 \
    -cp "$shipped/*:$build/jars.new/*" -d "$build/target/classes" {} +
"${JAVA_HOME:+$JAVA_HOME/bin/}jar" --create --file "$build/jars.new/pinterest-pipeline.jar" -C "$build/target/classes" .
rm -rf "$build/jars" "$build/target"
mv "$build/jars.new" "$build/jars"

# Runs the job once over a few records: the classes that its JVM has loaded by then go into the archive.
rm -f "$build/classes.jsa"
options=$(sed -n 's/^spark.driver.defaultJavaOptions *//p' spark/conf/spark-defaults.conf)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export JAVA_HOME=$PWD/spark/launch
DELTA_ROOT=$scratch SPARK_LOCAL_DIRS=$scratch SPARK_LOCAL_IP=127.0.0.1 PYTHONPATH=$PWD \
    AWS_ENDPOINT_URL=http://127.0.0.1:9 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none \
    spark-submit --properties-file spark/conf/spark-defaults.conf \
    --conf "spark.driver.defaultJavaOptions=${options/SharedArchiveFile/ArchiveClassesAtExit}" \
    spark/jobs/rehearse.py >"$build/rehearsal.log" 2>&1 && [[ -f $build/classes.jsa ]] ||
    fail "the rehearsal failed, see $build/rehearsal.log"

echo "$wanted" >"$build/installed"
