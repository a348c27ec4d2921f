package io.github.pinterestpipeline.catalog;

import java.util.Locale;
import java.util.Set;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.unsafe.types.UTF8String;
import scala.Function1;
import scala.Option;
import scala.Tuple3;
import scala.collection.immutable.Nil$;
import scala.collection.immutable.Seq;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

/**
 * Names of three parts as on Databricks: the catalogs <code>hive_metastore</code>, <code>workspace
 * </code> and <code>main</code> are Spark's one catalog.
 *
 * <p>As an extension of sessions, it comes before Delta's, whose parser passes on all statements
 * that are not Delta's own.
 */
public class CatalogNames extends AbstractFunction1<SparkSessionExtensions, BoxedUnit> {

  /** The setting with the current catalog of a session, which Databricks reads as well. */
  private static final String CURRENT = "spark.databricks.sql.initial.catalog.name";

  private static final Set<String> NAMES = Set.of("hive_metastore", "workspace", "main");
  private static final String FUNCTION = "current_catalog";

  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    extensions.injectParser((session, parser) -> new CatalogParser());
    extensions.injectHintResolutionRule(session -> new DeltaTableNames());
    extensions.injectFunction(
        new Tuple3<>(
            new FunctionIdentifier(FUNCTION),
            new ExpressionInfo(CatalogNames.class.getName(), FUNCTION),
            (Function1<Seq<Expression>, Expression>) arguments -> currentCatalog()));
    return BoxedUnit.UNIT;
  }

  private static Expression currentCatalog() {
    String name = SQLConf.get().getConfString(CURRENT, "hive_metastore");
    return new Alias(
        new Literal(UTF8String.fromString(name), DataTypes.StringType),
        FUNCTION + "()",
        NamedExpression.newExprId(),
        empty(),
        Option.empty(),
        empty());
  }

  static boolean isCatalog(String name) {
    return NAMES.contains(name.toLowerCase(Locale.ROOT));
  }

  /** The name in Spark's catalog, if it has at least that many parts, the first of them a catalog. */
  @SuppressWarnings("unchecked")
  static Seq<String> inSpark(Seq<String> parts, int least) {
    return parts.size() >= least && isCatalog(parts.head())
        ? parts.updated(0, "spark_catalog").toSeq()
        : parts;
  }

  @SuppressWarnings("unchecked")
  private static <T> Seq<T> empty() {
    return (Seq<T>) (Seq<?>) Nil$.MODULE$;
  }
}
