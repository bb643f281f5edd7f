#!/usr/bin/env bash
# Follows the signal file of one pair and prints what to do: OPEN, CLOSE, HALT, SKIP (an entry without a size).
# Needs bash 4, jq 1.6, gzip, flock and GNU coreutils.
#
#     bash examples/follow.sh var/signals/NZDUSD_USDCAD/signal.json --paper
#
# Checks and rules: docs/reference/PROTOCOL.md. The state that prevents a second order is on disk before an order is printed. Not included:
# placing orders, closing a position after max_age_bars, your own stop.
export LC_ALL=C # compare boot_id as bytes
declare -A boot=() seq=() held=() opened=() fences=() bars=() # by market/pair
markets=live pair= state=var/follow_sh.state # pair: of the folder that the signals come from; empty = any

# Checks 2 and 3; prints FORMAT, SCHEMA, or the fields that `take` uses.
read -r -d '' CHECK <<'JQ'
def text($pattern): type == "string" and test($pattern);
def number($low; $high): type == "number" and (isinfinite | not) and . >= $low and . <= $high;
def whole($low; $high): number($low; $high) and . == floor;
def real: number(-infinite; infinite);
def share: number(0; 1);
def price: number(0; infinite) and . > 0;
def count: whole(1; infinite);
def word: if . > 0 then "BUY" else "SELL" end;
def instrument: .schema == "minutehand.instrument/1";
def fits: instrument as $alone | [
  (.timestamp | text("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:00Z$")), (.pair | text(".")), (.entry | type == "string"),
  (.action | text("^(ENTER|EXIT|HOLD)$")), (.reason | text("^[A-Z_]+$")), (.target | whole(-1; 1)),
  (.position_id | text("^([0-9a-f]{32})?$")), (.pair_id | text("^[A-Z0-9.]+" + (if $alone then "" else "_[A-Z0-9.]+" end) + "(@(5m|15m|1h|4h|1d))?$")),
  (.signal_id | text("^[0-9a-f]{32}$")), (.model_version | type == "string"), (.feature_schema | text("^[0-9a-f]{16}$")),
  (.policy_hash | text("^[0-9a-f]{16}$")), (.mode | text("^(OK|WARMUP|DEGRADED|HALT)$")),
  (.market | text("^(live|simulated|replay)$")),
  (.boot_id | text("^\\S+$")), (.seq | count), (.generated_at_ms | count), (.valid_until_ms | count), (.crc32 | text("^[0-9a-f]{8}$"))
] | all;
def fence_fits: (has("fence") | not) or (.fence | count);
def novelty_fits: (has("novelty") | not) or (.novelty | share);
def rollout_fits: (has("rollout") | not) or ((.arm | text("^(champion|challenger)$")) and (.rollout | text(".")));
def may_be_null: .mode == "WARMUP" or .mode == "HALT" or (.reason | text("^(LEG_MISSING|LEG_EMPTY|BAR_SUSPECT)$"));
# A rule needs no model, and its positions of instruments may have no stop or target.
def of_rule: .model_version | startswith("rule/");
def numbers_fit: may_be_null as $null | ($null or of_rule) as $no_models | [(.max_age_bars | count), (.expected_net_bps | real or . == null), (.leverage_reduction_rate | share and . > 0),
  (.z_score, .beta | real or ($null and . == null)), (.price_a, .price_b | price or ($null and . == null)),
  (.risk_flag | whole(0; 1) or ($no_models and . == null)), (.position_scale | share or ($null and . == null)),
  (.return_prob, .risk_score, .confidence, .theta1, .theta2 | share or ($no_models and . == null))
] | all;
def held: .position_id != "" and .action != "ENTER";
def instrument_fits: may_be_null as $null | ($null or of_rule) as $no_model | ($no_model or held) as $no_exit | [.ml_up_prob, .ml_down_prob, .ml_range_prob] as $answers | [
  (.z_score, .return_prob, .risk_score, .risk_flag, .theta1, .theta2 | . == null),
  (.position_scale | share or ($null and . == null)), (.confidence, $answers[] | share or ($no_model and . == null)),
  (.stop, .take_profit | price or ($no_exit and . == null)), (.price | price or ($null and . == null)), (.max_age_bars | count or ($null and . == null)),
  ($answers == [null, null, null] or (($answers | all(. != null)) and (($answers | add) - 1 | . * . <= 1e-12)))
] | all;
def consistent:
  if .reason == "SILENCE" and (.action != "HOLD" or .mode == "OK") then false
  elif .reason == "SHUTDOWN" and (.action != "HOLD" or .mode != "HALT") then false
  elif .action == "EXIT" then .target == 0 and .entry == ""
  elif (.target == 0) != (.position_id == "") then false
  elif .action != "ENTER" then .entry == ""
  elif .target == 0 or .position_id != .signal_id or (.mode | text("^(OK|DEGRADED)$") | not) then false
  elif instrument then .entry == "\(.target | word)_\(.pair_id | split("@")[0])"
  else (.pair_id | split("_")) as [$a, $b] | (if .beta < 0 then .target else -.target end) as $side
    | .entry == "\(.target | word)_\($a), \($side | word)_\($b)" end;
def novelty_field: if has("novelty") then ["novelty"] else [] end;
def lease_field: if has("fence") then ["fence"] else [] end;
if .schema != "minutehand.signal/2" and (instrument | not) then "SCHEMA"
elif instrument and (keys_unsorted != $fields[:11] + ["ml_up_prob", "ml_down_prob", "ml_range_prob"] + $fields[11:16] + ["stop", "take_profit", "price"]
  + $fields[19:25] + novelty_field + lease_field + $fields[27:] or (novelty_fits and fence_fits and fits and instrument_fits and consistent | not)) then "FORMAT"
elif (instrument | not) and (keys_unsorted != $fields[:27] + novelty_field + (if has("rollout") then ["arm", "rollout"] else [] end) + lease_field
  + $fields[27:] or (novelty_fits and rollout_fits and fence_fits and fits and numbers_fit and consistent | not)) then "FORMAT"
else [.market + "/" + .pair_id, (.fence // 0), .timestamp, .boot_id, .seq, .valid_until_ms, .generated_at_ms, .mode, .action, .reason, .target,
  (.position_id | if . == "" then "-" else . end), .max_age_bars, (.position_scale // "-"), ((.beta // 0) | if . < 0 then -. else . end
    | if . > 0 and . <= 1000 then . else "none" end),
  (.entry | if . == "" then "-" else . end)] | map(tostring) | join(" ") end
JQ
FIELDS='["timestamp","pair","z_score","return_prob","risk_score","entry","confidence","risk_flag","theta1","theta2","position_scale",
"action","reason","target","position_id","max_age_bars","beta","price_a","price_b","pair_id","signal_id","model_version","feature_schema",
"policy_hash","mode","expected_net_bps","leverage_reduction_rate","schema","market","boot_id","seq","generated_at_ms",
"valid_until_ms","crc32"]'

refuse() { echo "refused $1" >&2; }

# CRC-32 of a text: the first four of the last eight bytes of gzip, the lowest byte first.
crc32() { printf %s "$1" | gzip -c | tail -c 8 | od -An -tx1 -N4 | { read -r a b c d; echo "$d$c$b$a"; }; }

# take TEXT NOW_MS: prints orders, or why the text is refused.
take() {
  local line=${1#"${1%%[![:space:]]*}"} now=$2 covered fields key f bar b s valid made mode action reason target id age scale weight a_leg b_leg
  line=${line%"${line##*[![:space:]]}"}
  covered=${line%,\"crc32\":*}
  [[ $line == "{"* && $line == "$covered,\"crc32\":\"$(crc32 "$covered")\"}" ]] || { refuse TORN; return; }
  fields=$(jq -r --argjson fields "$FIELDS" "$CHECK" <<<"$line" 2>/dev/null) || fields=SCHEMA # not JSON
  [[ $fields == *" "* ]] || { refuse "$fields"; return; }
  read -r key f bar b s valid made mode action reason target id age scale weight a_leg b_leg <<<"$fields"
  [[ " $markets " == *" ${key%/*} "* ]] || { refuse MARKET; return; }
  [[ -z $pair || ${key#*/} == "$pair" ]] || { refuse PAIR; return; }
  ((f >= ${fences[$key]-0})) || { refuse LOWER_FENCE; return; }
  if ((f == ${fences[$key]-0})); then
    [[ ! $b < ${boot[$key]-} ]] || { refuse OLDER_BOOT; return; }
    if [[ $b == "${boot[$key]-}" ]]; then
      ((s != seq[$key])) || { refuse REPEATED; return; }
      ((s > seq[$key])) || { refuse OUT_OF_ORDER; return; }
    fi
  fi
  boot[$key]=$b seq[$key]=$s fences[$key]=$f # also when it has expired
  ((f == 0)) || [[ ! $bar < ${bars[$key]-} ]] || { save && refuse OLDER_BAR; return; }
  ((f == 0)) || bars[$key]=$bar
  ((valid >= now)) || { save && refuse STALE; return; }
  ((made <= now + 2000)) || { save && refuse FUTURE; return; }
  local ends=${held[$key]-} orders=()
  if [[ -n $ends ]] && { [[ $target == 0 ]] || [[ $id != "$ends" ]]; }; then
    orders+=("CLOSE $ends $reason")
    held[$key]=
  fi
  if [[ $action == ENTER && ($mode == OK || $mode == DEGRADED) && " ${opened[$key]-} " != *" $id "* ]]; then
    if [[ -n $b_leg && $weight == none ]]; then # leg B has no size that a daemon would want
      orders+=("SKIP $id SIZE_BETA")
    else
      orders+=("OPEN $id ${a_leg%,} 1 ${b_leg:+$b_leg $weight }scale $scale max_age_bars $age") # legs: side_symbol, weight
      held[$key]=$id
    fi
    opened[$key]="${opened[$key]-} $id"
  fi
  [[ $mode != HALT ]] || orders+=("HALT ${key#*/} $reason") # no entries; cancel those that wait
  save || exit
  ((${#orders[@]} == 0)) || printf '%s\n' "${orders[@]}" # a real program places its orders here
}

# closed POSITION_ID: it was closed without a CLOSE (own stop, maximum age, by hand).
closed() {
  local key
  for key in "${!held[@]}"; do [[ ${held[$key]} != "$1" ]] || held[$key]=; done
  save
}

save() { declare -p boot seq held opened fences bars | sed 's/^declare -A/declare -gA/' >"$state.new" && mv "$state.new" "$state"; }

main() {
  local path=$1 text last=
  shift
  while (($# > 0)); do
    case $1 in
    --paper) markets="live simulated replay" ;;
    --state) state=$2 && shift ;; # what has been seen, held and opened; one file per process
    *) echo "usage: follow.sh <signal.json> [--paper] [--state <file>]" >&2 && exit 2 ;;
    esac
    shift
  done
  mkdir -p -- "$(dirname -- "$state")" || exit
  exec 9>>"$state.lock" || exit
  # It ends with this process, however that ends, and with the command that it runs: hence the wait.
  if ! flock -w 1 9; then
    echo "follow.sh: another process uses $state: end it, or give this one a file of its own with --state" >&2
    exit 1
  fi
  pair=$(basename "$(dirname "$(realpath -ms "$path")")")
  # shellcheck source=/dev/null
  [[ ! -f $state ]] || . "$state"
  # Bash may go on where a signal only ends the command that it waits for, and drops one that arrives as that command ends
  # by itself. So the loop waits and reads without another process. What has begun is finished: save, then print.
  local ended=0 said= never
  exec {never}<> <(:) || exit # a pipe that nobody writes to
  trap 'ended=130' INT
  trap 'ended=143' TERM
  while ((ended == 0)); do
    read -r -t 0.05 -u "$never"
    text=
    IFS= read -r -d '' text 2>/dev/null <"$path"
    if [[ -z $text ]]; then
      [[ -n $said ]] || { said=absent && echo "follow.sh: $path is not there yet; waits for it" >&2; }
      continue
    fi
    [[ $said == read ]] || { said=read && echo "follow.sh: $path is read; waits for the first order" >&2; }
    [[ $text != "$last" ]] || continue
    last=$text
    take "$text" "$(date +%s%3N)"
  done
  exit "$ended"
}

[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@"
