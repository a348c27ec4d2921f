package io.github.pinterestpipeline.catalog;

import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.TimeTravel;
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTable;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTableOrView;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.delta.commands.ConvertToDeltaCommand;
import scala.Option;
import scala.PartialFunction;
import scala.collection.immutable.Seq;
import scala.runtime.AbstractPartialFunction;

/** Maps the names of tables in Delta's own statements, which Delta's parser reads. */
class DeltaTableNames extends Rule<LogicalPlan> {

  private static final PartialFunction<LogicalPlan, LogicalPlan> MAP =
      new AbstractPartialFunction<>() {
        @Override
        public boolean isDefinedAt(LogicalPlan plan) {
          return true;
        }

        @Override
        public LogicalPlan apply(LogicalPlan plan) {
          return mapped(plan);
        }
      };

  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    return plan.resolveOperators(MAP);
  }

  private static LogicalPlan mapped(LogicalPlan plan) {
    if (plan instanceof UnresolvedTable table) {
      Seq<String> name = CatalogNames.inSpark(table.multipartIdentifier(), 3);
      return table.copy(name, table.commandName(), table.suggestAlternative());
    }
    if (plan instanceof UnresolvedTableOrView table) {
      Seq<String> name = CatalogNames.inSpark(table.multipartIdentifier(), 3);
      return table.copy(name, table.commandName(), table.allowTempView());
    }
    if (plan instanceof UnresolvedRelation table) {
      Seq<String> name = CatalogNames.inSpark(table.multipartIdentifier(), 3);
      return table.copy(name, table.options(), table.isStreaming());
    }
    if (plan instanceof TimeTravel travel) {
      LogicalPlan table = mapped(travel.relation());
      return travel.copy(table, travel.timestamp(), travel.version(), travel.creationSource());
    }
    if (plan instanceof ConvertToDeltaCommand convert) {
      TableIdentifier table = convert.tableIdentifier();
      if (table.catalog().exists(CatalogNames::isCatalog)) {
        TableIdentifier own = table.copy(table.table(), table.database(), Option.empty());
        return convert.copy(
            own, convert.partitionSchema(), convert.collectStats(), convert.deltaPath());
      }
    }
    return plan;
  }
}
