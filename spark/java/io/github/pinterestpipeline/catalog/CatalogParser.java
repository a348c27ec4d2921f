package io.github.pinterestpipeline.catalog;

import java.util.Locale;
import java.util.Set;
import org.antlr.v4.runtime.ParserRuleContext;
import org.antlr.v4.runtime.tree.ParseTree;
import org.antlr.v4.runtime.tree.Trees;
import org.apache.spark.sql.catalyst.analysis.UnresolvedAttribute;
import org.apache.spark.sql.catalyst.analysis.UnresolvedStar;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.parser.SqlBaseParser;
import org.apache.spark.sql.catalyst.parser.SqlBaseParser.DereferenceContext;
import org.apache.spark.sql.catalyst.parser.SqlBaseParser.FunctionNameContext;
import org.apache.spark.sql.catalyst.parser.SqlBaseParser.IdentifierReferenceContext;
import org.apache.spark.sql.catalyst.parser.SqlBaseParser.MultipartIdentifierContext;
import org.apache.spark.sql.catalyst.parser.SqlBaseParser.SingleMultipartIdentifierContext;
import org.apache.spark.sql.catalyst.parser.SqlBaseParser.StarContext;
import org.apache.spark.sql.catalyst.parser.SqlBaseParser.TableAliasContext;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.SparkSqlAstBuilder;
import org.apache.spark.sql.execution.SparkSqlParser;
import scala.Function1;
import scala.Function2;
import scala.Option;
import scala.collection.immutable.Seq;

/** Spark's parser, for which a leading catalog of Databricks is Spark's one catalog. */
class CatalogParser extends SparkSqlParser {

  private final SparkSqlAstBuilder builder = new Builder();

  @Override
  public SparkSqlAstBuilder astBuilder() {
    return builder;
  }

  private static final class Builder extends SparkSqlAstBuilder {

    /** Statements whose identifier is a schema, as with all that have "Namespace" in their name. */
    private static final Set<Class<?>> OF_SCHEMAS =
        Set.of(
            SqlBaseParser.UseContext.class,
            SqlBaseParser.ShowTablesContext.class,
            SqlBaseParser.ShowTableExtendedContext.class,
            SqlBaseParser.ShowViewsContext.class,
            SqlBaseParser.ShowFunctionsContext.class);

    @Override
    public LogicalPlan withIdentClause(
        IdentifierReferenceContext context, Function1<Seq<String>, LogicalPlan> build) {
      return super.withIdentClause(context, name -> build.apply(mapped(context, name)));
    }

    @Override
    public LogicalPlan withIdentClause(
        IdentifierReferenceContext context,
        Seq<LogicalPlan> others,
        Function2<Seq<String>, Seq<LogicalPlan>, LogicalPlan> build) {
      return super.withIdentClause(
          context, others, (name, plans) -> build.apply(mapped(context, name), plans));
    }

    private static Seq<String> mapped(ParserRuleContext context, Seq<String> name) {
      Class<?> statement = context.getParent().getClass();
      boolean schema =
          OF_SCHEMAS.contains(statement) || statement.getSimpleName().contains("Namespace");
      return CatalogNames.inSpark(name, schema ? 2 : 3);
    }

    @Override
    public Seq<String> visitSingleMultipartIdentifier(SingleMultipartIdentifierContext context) {
      return CatalogNames.inSpark(super.visitSingleMultipartIdentifier(context), 3);
    }

    @Override
    @SuppressWarnings("unchecked")
    public Seq<String> visitMultipartIdentifier(MultipartIdentifierContext context) {
      Seq<String> name = super.visitMultipartIdentifier(context);
      if (context.getParent() instanceof SqlBaseParser.ShowNamespacesContext) {
        return CatalogNames.inSpark(name, 1);
      }
      // The new name of a table, which Spark's catalog takes without a catalog.
      boolean target = context.getParent() instanceof SqlBaseParser.RenameTableContext;
      return target && name.size() == 3 && CatalogNames.isCatalog(name.head())
          ? name.drop(1).toSeq()
          : name;
    }

    @Override
    public Seq<String> getFunctionMultiparts(FunctionNameContext context) {
      return CatalogNames.inSpark(super.getFunctionMultiparts(context), 3);
    }

    @Override
    public Expression visitDereference(DereferenceContext context) {
      Expression found = super.visitDereference(context);
      if (found instanceof UnresolvedAttribute column) {
        Seq<String> name = column.nameParts();
        Seq<String> mapped = CatalogNames.inSpark(name, 4);
        if (mapped != name && !isAlias(context, name.head())) {
          return new UnresolvedAttribute(mapped);
        }
      }
      return found;
    }

    @Override
    public Expression visitStar(StarContext context) {
      Expression found = super.visitStar(context);
      if (found instanceof UnresolvedStar star && star.target().isDefined()) {
        Seq<String> name = star.target().get();
        Seq<String> mapped = CatalogNames.inSpark(name, 3);
        if (mapped != name && !isAlias(context, name.head())) {
          return new UnresolvedStar(Option.apply(mapped));
        }
      }
      return found;
    }

    /** Whether the statement has a table with that alias, so that the name starts with it. */
    private static boolean isAlias(ParseTree within, String name) {
      while (within.getParent() != null) {
        within = within.getParent();
      }
      return Trees.getDescendants(within).stream()
          .filter(TableAliasContext.class::isInstance)
          .map(alias -> ((TableAliasContext) alias).strictIdentifier())
          .anyMatch(alias -> alias != null && plain(alias.getText()).equals(plain(name)));
    }

    private static String plain(String name) {
      return name.replace("`", "").toLowerCase(Locale.ROOT);
    }
  }
}
