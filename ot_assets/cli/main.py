"""The `ot` command. Errors are one line; exit 2 for bad input, 1 for a failed run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from ot_resources.interfaces import BadInput


class _OneLineErrors(click.Group):
    """Turns BadInput from any command into one line and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BadInput as error:
            from ot_assets.lineage.explain import printable

            click.echo(f"ot: {printable(str(error))}", err=True)
            sys.exit(2)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except Exception as error:
            from ot_resources.environments import data_root
            from ot_resources.files import is_full

            if not is_full(error):
                raise
            # Dagster's own notes, say; the stages name what they were writing.
            click.echo(f"ot: OT_DATA={data_root()}: No space left on device; what was finished is kept", err=True)
            sys.exit(1)


@click.group(cls=_OneLineErrors, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="ot-assets")
def main() -> None:
    """Build reasoning datasets as a graph of tables.

    A recipe says which choice is made at each stage; materialising it makes one table a choice, and reuses every
    table that was made before from the same choices and inputs. Everything is written below OT_DATA (default: data/).

    \b
    ot recipes                              what there is
    ot plan openthoughts3_1_2m              what a run would ask of models, and what that would cost
    ot materialize openthoughts3_1_2m       run it, in miniature unless OT_ENV says otherwise
    ot studies                              what is compared
    ot materialize practice_math_filter     run a study: students are trained, asked, and set side by side
    ot sql "from openthoughts3_1_2m.dataset limit 5"
    ot explain ROW_ID                       one row's whole story, also of a row that was dropped
    ot ledger                               what was asked of models, and what was answered from the store
    ot diff-verdicts RECIPE/TRACK/verified  what another verifier made of the same answers
    ot gc --dry-run                         what of the store nothing needs any more
    """


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def recipes(as_json: bool) -> None:
    """List the recipes, the project's own and those in the folder OT_RECIPES: tracks, sources, teacher, rows."""
    from ot_assets.cli.listing import described, listed
    from ot_assets.recipes.library import recipes as all_recipes

    rows = [described(recipe) for recipe in all_recipes()]
    click.echo(json.dumps(rows, indent=1, ensure_ascii=False) if as_json else "\n\n".join(map(listed, rows)))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def studies(as_json: bool) -> None:
    """List the studies, the project's own and those in the folder OT_STUDIES: what each varies, and what was chosen."""
    from ot_assets.ablations.library import studies as all_studies
    from ot_assets.cli.listing import listed_study, study_row
    from ot_assets.recipes.library import recipes as all_recipes

    rows = [study_row(study) for study in all_studies(all_recipes())]
    click.echo(json.dumps(rows, indent=1, ensure_ascii=False) if as_json else "\n\n".join(map(listed_study, rows)))


@main.command()
@click.argument("recipe")
@click.option("--track", help="Only this track, without the dataset.")
@click.option("--upto", metavar="ASSET", help="Stop after this asset of each track, e.g. deduplicated.")
@click.option("--variant", multiple=True, help="Of a study: only this variant; may be given again.")
@click.option("--scale", type=float, help="Share of the published size, e.g. 0.00192. Default: the recipe's own.")
@click.option("--budget", help="What the run may spend on new requests, e.g. tokens=5e6,money=10,hours=2.")
def materialize(
    recipe: str,
    track: str | None,
    upto: str | None,
    variant: tuple[str, ...],
    scale: float | None,
    budget: str | None,
) -> None:
    """Make every table of RECIPE, or of a study: a name, or the path of its YAML file.

    Shows each stage as it ends. The run appears in the UI's history. A second run reuses all that is unchanged and asks
    no model anything twice; after a crash, or with a larger budget, run the same command again.

    Of a study the shared tables are made once, then each variant: its rows, its students, their scores. A variant that
    fails is told and does not stop the others. At the end the scoreboard is printed.
    """
    from ot_assets.ablations.library import is_study
    from ot_assets.cli.run import run_recipe

    if is_study(recipe):
        from ot_assets.cli.study import run_study

        _refuse(recipe, track=track, upto=upto)
        sys.exit(run_study(recipe, variant, scale, budget))
    if variant:
        raise BadInput(f"--variant {variant[0]}: {recipe} is no study; 'ot studies' lists those")
    sys.exit(run_recipe(recipe, track, upto, scale, budget))


def _refuse(study: str, **options: str | None) -> None:
    for name, value in options.items():
        if value is not None:
            raise BadInput(f"--{name} {value}: {study} is a study; --variant makes a part of it")


@main.command()
@click.argument("recipe")
@click.option("--track", help="Only this track, without the dataset.")
@click.option("--upto", metavar="ASSET", help="Stop after this asset of each track, e.g. deduplicated.")
@click.option("--variant", multiple=True, help="Of a study: only this variant; may be given again.")
@click.option("--scale", type=float, help="Share of the published size, e.g. 0.00192. Default: the recipe's own.")
@click.option("--budget", help="What the run may spend on new requests, e.g. tokens=5e6,money=10,hours=2.")
@click.option("--price-input", type=click.FloatRange(min=0), help="Money for a million tokens read.")
@click.option("--price-output", type=click.FloatRange(min=0), help="Money for a million tokens written.")
@click.option("--price-hour", type=click.FloatRange(min=0), help="Money for an hour of the engine.")
@click.option(
    "--tokens-per-second",
    type=click.FloatRange(min=0, min_open=True),
    help="Tokens that the engine writes a second. Default: as it did before.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def plan(
    recipe: str,
    track: str | None,
    upto: str | None,
    variant: tuple[str, ...],
    scale: float | None,
    budget: str | None,
    price_input: float | None,
    price_output: float | None,
    price_hour: float | None,
    tokens_per_second: float | None,
    as_json: bool,
) -> None:
    """Tell what a run of RECIPE, or of a study, would ask of models, and what that would cost, before it asks anything.

    The recipe is rehearsed: free stages run for real in a folder that is thrown away, models are not asked. Of each
    stage that asks one: requests in all, in the ledger (or asked twice), new; tokens, from the lengths that the ledger
    has measured; hours and money. Prices are the model's own (OT_TEACHER_OPTIONS) unless given here. What is there of
    earlier runs is used: to plan a large one, `ot materialize --upto` the last stage that is free.
    """
    from ot_assets.ablations.library import is_study
    from ot_assets.cli.costs import Rates
    from ot_assets.cli.plan import plan_recipe
    from ot_assets.cli.plan_told import as_json as figures
    from ot_assets.cli.plan_told import as_text

    rates = Rates(price_input, price_output, price_hour, tokens_per_second)
    if is_study(recipe):
        from ot_assets.cli.study_plan import plan_of_study, study_json, study_text

        _refuse(recipe, track=track, upto=upto)
        planned = plan_of_study(recipe, variant, scale, budget, rates)
        told = json.dumps(study_json(planned), indent=1, ensure_ascii=False) if as_json else study_text(planned)
        click.echo(told)
        return
    if variant:
        raise BadInput(f"--variant {variant[0]}: {recipe} is no study; 'ot studies' lists those")
    found = plan_recipe(recipe, track, upto, scale, budget, rates)
    click.echo(json.dumps(figures(found), indent=1, ensure_ascii=False) if as_json else as_text(found))


@main.command()
@click.argument("study")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of its rows.")
@click.option("--report", metavar="FILE.md", help="Write it there as Markdown, with its pictures beside it.")
def scoreboard(study: str, as_json: bool, report: str | None) -> None:
    """Show the scoreboard of STUDY, a name or the path of its YAML file.

    Scores with standard errors, who wins, what is chosen, and what was published.
    """
    from ot_assets.ablations.library import name_of
    from ot_assets.cli.board import scoreboard as shown

    click.echo(shown(name_of(study), as_json, report))


@main.command()
@click.argument("study")
@click.argument("variant")
@click.argument("file")
@click.option("--seed", type=int, help="Whose scores they are, where the variant has several seeds.")
@click.option("--trust", is_flag=True, help="Also if the file does not name the student.")
def scores(study: str, variant: str, file: str, seed: int | None, trust: bool) -> None:
    """Hand in FILE, what a student of STUDY's VARIANT scored that was trained and evaluated elsewhere.

    FILE is results_*.json of evalchemy or lighteval, or {"student": KEY, "scores": {"aime24": [{"right": 0.5, "n":
    30}]}}. It is kept beside the student; materialise the study again to see it on the scoreboard.
    """
    from ot_assets.cli.scores import hand_in

    click.echo(hand_in(study, variant, file, seed, trust))


@main.command()
@click.argument("row_id")
@click.option("--json", "as_json", is_flag=True, help="Print the story as JSON.")
def explain(row_id: str, as_json: bool) -> None:
    """Tell the whole story of ROW_ID: a question's id, or a row's `question_id-sample`.

    Also of a row that is not in any dataset: where it was dropped, why, and for which twin.
    """
    from ot_assets.lineage.explain import story, tell
    from ot_resources.environments import data_root
    from ot_resources.store import Store

    found = story(row_id, Store(root=str(data_root())))
    if not found:
        raise BadInput(f"no row '{row_id}' in any table; ids are in the column question_id, and row_id of a dataset")
    click.echo(json.dumps(found, indent=1, ensure_ascii=False) if as_json else tell(row_id, found))


@main.command()
@click.argument("query", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of row objects.")
def sql(query: str | None, as_json: bool) -> None:
    """Run a DuckDB QUERY over every table of the store; without one, open a prompt. `-` reads standard input.

    \b
    <recipe>.<track>_<asset>     a stage's rows; <...>__dropped beside it, with the reason
    <recipe>.dataset, .metadata  what is released, and its twin with problem, ground truth and verdict
    sources.<id>, benchmarks.<id>
    lineage.materializations, .inputs, .choices, .drops
    ledger.responses             every response of every model
    """
    from ot_assets.cli.query import prompt, run_query

    if query is None:
        prompt()
    else:
        click.echo(run_query(sys.stdin.read() if query == "-" else query, as_json))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.option("--check", is_flag=True, help="Read all of it instead, and tell what is damaged; exit 1 if anything is.")
def ledger(as_json: bool, check: bool) -> None:
    """Show what each stage asked of a model: requested, reused from the ledger, answered, accepted, failed, pending.

    Pending is what was not asked because a budget was spent. What is damaged costs no more than the record that it was
    in: its request is asked again.
    """
    from ot_assets.cli.query import ledger_damages, ledger_rows, table

    if check:
        damages = ledger_damages()
        click.echo(json.dumps(damages, indent=1) if as_json else "\n".join(damages) or "the ledger is whole")
        sys.exit(1 if damages else 0)
    rows = ledger_rows()
    click.echo(json.dumps(rows, indent=1) if as_json else table(rows, empty="nothing was asked yet"))


@main.command()
@click.argument("studies", nargs=-1, required=True, metavar="STUDY...")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="The recipe's file. Default: print it."
)
@click.option("--name", help="The recipe's name. Default: that of the file, else <recipe>_composed.")
@click.option("--scale", type=float, help="The scale that the studies were run at, if not their own.")
def compose(studies: tuple[str, ...], out: Path | None, name: str | None, scale: float | None) -> None:
    """Write the recipe that STUDY... chose: their recipe, with the chosen variants in their places.

    Each choice says which study it is due to, by which version of its scoreboard, with which scores and verdict;
    lineage.choices tells that of the dataset. For the next study in line, let its `recipe` be this file.
    """
    from ot_assets.cli.compose import composed

    made = composed(studies, out, name, scale)
    if out is None:
        click.echo(made.text, nl=False)
    for note in made.notes:
        click.echo(f"ot: {note}", err=True)
    if out is not None:
        click.echo(f"{out}: now 'ot plan {out}' or 'ot materialize {out}'", err=True)


@main.command("diff-verdicts")
@click.argument("table")
@click.option(
    "--since", metavar="VERSION", help="The version to compare with, or its beginning. Default: the last one."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of the answers that differ.")
def diff_verdicts(table: str, since: str | None, as_json: bool) -> None:
    """Show which answers of TABLE (recipe/track/asset) another verifier, or other settings, judged differently.

    A verifier that changes judges the stored answers anew and asks no model anything; this is what came of it.
    """
    from ot_assets.cli.verdicts import diff

    click.echo(diff(table, since, as_json))


@main.command()
@click.option("--dry-run", is_flag=True, help="Only list what would go, and why.")
@click.option(
    "--min-age",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    help="Hours that everything is kept for.",
)
def gc(dry_run: bool, min_age: float) -> None:
    """Remove table versions that nothing needs: no name points at them, and no recorded dataset was made from them.

    Every dataset that was ever made keeps all of its inputs. Responses of models are never removed. It may run beside a
    run, as long as that run's tables are younger than --min-age.
    """
    from ot_assets.cli.gc import collect

    click.echo(collect(dry_run, min_age * 3600))


if __name__ == "__main__":
    main()
