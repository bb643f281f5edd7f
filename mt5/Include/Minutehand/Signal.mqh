//+------------------------------------------------------------------+
//| One signal: docs/reference/PROTOCOL.md#the-signal, checks 1-3.   |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_SIGNAL_MQH
#define MINUTEHAND_SIGNAL_MQH

#include "Crc32.mqh"
#include "FlatJson.mqh"

#define MH_SCHEMA "minutehand.signal/2"
// Value of a number that is null in the signal.
#define MH_UNKNOWN DBL_MAX

#define MH_SIGNAL_FIELDS "timestamp,pair,z_score,return_prob,risk_score,entry,confidence,risk_flag,theta1,theta2,position_scale,action,reason,target,position_id,max_age_bars,beta,price_a,price_b,pair_id,signal_id,model_version,feature_schema,policy_hash,mode,expected_net_bps,leverage_reduction_rate,schema,market,boot_id,seq,generated_at_ms,valid_until_ms,crc32"
// Present with a candidate whose bundle describes the rows that it learned from, after leverage_reduction_rate.
#define MH_NOVELTY_FIELD "novelty"
#define MH_BEFORE_NOVELTY 27
// Present while a rollout is active, all or none, behind it.
#define MH_ROLLOUT_FIELDS "arm,rollout"
// Present where a lease is configured, before schema.
#define MH_FENCE_FIELD "fence"
// The closed list of docs/reference/PROTOCOL.md#reasons.
#define MH_REASONS "ENTRY,Z_EXIT,STOP,MAX_AGE,RISK_EXIT,NEWS_CLOSE,CLOSE_ALL,IN_POSITION,NO_SETUP,STOPPED,BETA_RANGE,NO_EDGE,SESSION,NEWS,NOVEL_INPUT,PROB_LOW,RISK_HIGH,COST_HIGH,EXPOSURE,NO_MODEL,WARMUP,LEG_MISSING,LEG_EMPTY,BAR_SUSPECT,SILENCE,SHUTDOWN,KPI_HALT"

// Why a signal is refused, in the order of the checks.
enum MhRefusal
  {
   MH_NOT_REFUSED,
   MH_TORN,
   MH_OTHER_SCHEMA,
   MH_FORMAT,
   MH_MARKET,
   MH_PAIR,
   MH_LOWER_FENCE,
   MH_OLDER_BOOT,
   MH_OUT_OF_ORDER,
   MH_REPEATED,
   MH_OLDER_BAR,
   MH_STALE,
   MH_FUTURE
  };

string MhRefusalName(const MhRefusal refusal)
  {
   switch(refusal)
     {
      case MH_NOT_REFUSED:
         return "";
      case MH_TORN:
         return "TORN";
      case MH_OTHER_SCHEMA:
         return "SCHEMA";
      case MH_FORMAT:
         return "FORMAT";
      case MH_MARKET:
         return "MARKET";
      case MH_PAIR:
         return "PAIR";
      case MH_LOWER_FENCE:
         return "LOWER_FENCE";
      case MH_OLDER_BOOT:
         return "OLDER_BOOT";
      case MH_OUT_OF_ORDER:
         return "OUT_OF_ORDER";
      case MH_REPEATED:
         return "REPEATED";
      case MH_OLDER_BAR:
         return "OLDER_BAR";
      case MH_STALE:
         return "STALE";
      default:
         return "FUTURE";
     }
  }

struct MhSignal
  {
   string            timestamp;
   double            z;
   double            returnProb;
   double            riskScore;
   double            riskFlag;
   double            theta1;
   double            theta2;
   double            confidence;
   double            scale;
   string            entry;
   string            action;
   string            reason;
   int               target;
   string            positionId;
   int               maxAgeBars;
   double            beta;
   double            priceA;
   double            priceB;
   string            pairId;
   string            symbolA;
   string            symbolB;
   string            signalId;
   string            modelVersion;
   string            mode;
   // 0 without a lease.
   long              fence;
   string            market;
   string            bootId;
   long              seq;
   long              generatedMs;
   long              validUntilMs;
  };

// Minutes of a bar of `XAUUSD_XAGUSD` (1) or `XAUUSD_XAGUSD@1h` (60); 0 for another timeframe.
int MhBarMinutes(const string pairId)
  {
   int at = StringFind(pairId, "@");
   if(at < 0)
      return 1;
   string timeframe = StringSubstr(pairId, at + 1);
   if(timeframe == "5m")
      return 5;
   if(timeframe == "15m")
      return 15;
   if(timeframe == "1h")
      return 60;
   if(timeframe == "4h")
      return 240;
   return timeframe == "1d" ? 1440 : 0;
  }

// The two symbols of `XAUUSD_XAGUSD` or `XAUUSD_XAGUSD@1h`.
bool MhParsePair(const string id, string &symbolA, string &symbolB)
  {
   if(MhBarMinutes(id) == 0)
      return false;
   int end = StringFind(id, "@");
   string pairId = end < 0 ? id : StringSubstr(id, 0, end);
   int middle = StringFind(pairId, "_");
   if(middle <= 0 || middle == StringLen(pairId) - 1)
      return false;
   for(int at = 0; at < StringLen(pairId); at++)
     {
      ushort unit = StringGetCharacter(pairId, at);
      bool isFine = (unit >= 'A' && unit <= 'Z') || (unit >= '0' && unit <= '9') || unit == '.';
      if(!isFine && at != middle)
         return false;
     }
   symbolA = StringSubstr(pairId, 0, middle);
   symbolB = StringSubstr(pairId, middle + 1);
   return symbolA != symbolB;
  }

// `SELL_XAUUSD, BUY_XAGUSD`: leg A has the target's side, leg B the other one, or the same when beta is below zero.
string MhEntry(const int target, const double beta, const string symbolA, const string symbolB)
  {
   int sideB = beta < 0 ? target : -target;
   return (target > 0 ? "BUY_" : "SELL_") + symbolA + ", " + (sideB > 0 ? "BUY_" : "SELL_") + symbolB;
  }

// `2026-11-20T08:26:00Z`: digits at their positions, a whole minute.
bool MhIsTimestamp(const string text)
  {
   string pattern = "dddd-dd-ddTdd:dd:00Z";
   if(StringLen(text) != StringLen(pattern))
      return false;
   for(int at = 0; at < StringLen(pattern); at++)
     {
      ushort wanted = StringGetCharacter(pattern, at);
      ushort unit = StringGetCharacter(text, at);
      if(wanted == 'd' ? (unit < '0' || unit > '9') : unit != wanted)
         return false;
     }
   return true;
  }

class MhSignalReader
  {
private:
   MhJson            m_json;
   string            m_fields[];
   string            m_rolloutFields[];
   // Names of the fields of this signal.
   string            m_names[];
   string            m_bad;

   bool              Bad(const string what)
     {
      if(m_bad == "")
         m_bad = what;
      return false;
     }

   string            Words(const int index, const string list)
     {
      string value = Plain(index);
      if(!MhIsOneOf(value, list))
         Bad(m_names[index] + " " + value);
      return value;
     }

   string            Plain(const int index)
     {
      if(m_json.Kind(index) != MH_JSON_TEXT)
        {
         Bad(m_names[index] + " is not a text");
         return "";
        }
      return m_json.Value(index);
     }

   string            Hex(const int index, const int digits)
     {
      string value = Plain(index);
      if(!MhIsHex(value, digits))
         Bad(m_names[index] + " " + value);
      return value;
     }

   double            Number(const int index, const bool mayBeNull)
     {
      if(m_json.Kind(index) == MH_JSON_NULL && mayBeNull)
         return MH_UNKNOWN;
      if(m_json.Kind(index) != MH_JSON_NUMBER)
        {
         Bad(m_names[index] + " is not a number");
         return MH_UNKNOWN;
        }
      double value = StringToDouble(m_json.Value(index));
      if(!MathIsValidNumber(value))
         Bad(m_names[index] + " is out of range");
      return value;
     }

   double            Share(const int index)
     {
      double value = Number(index, true);
      if(value != MH_UNKNOWN && (value < 0 || value > 1))
         Bad(m_names[index] + " is not between 0 and 1");
      return value;
     }

   double            Price(const int index)
     {
      double value = Number(index, true);
      if(value <= 0)
         Bad(m_names[index] + " is not above 0");
      return value;
     }

   long              Positive(const int index)
     {
      double value = Number(index, false);
      if(value < 1 || value > 9007199254740991.0 || MathFloor(value) != value)
        {
         Bad(m_names[index] + " is not a whole number above 0");
         return 0;
        }
      return (long)value;
     }

   bool              HasField(const int index, const string name)
     {
      return index < m_json.Count() && m_json.Key(index) == name;
     }

   // 1 with a novelty, fields of a rollout, or 0, and 1 with a fence; false when the fields or their order are others.
   bool              ReadNames(int &novelties, int &rollouts, int &fences)
     {
      novelties = HasField(MH_BEFORE_NOVELTY, MH_NOVELTY_FIELD) ? 1 : 0;
      int rolloutAt = MH_BEFORE_NOVELTY + novelties;
      rollouts = HasField(rolloutAt, m_rolloutFields[0]) ? ArraySize(m_rolloutFields) : 0;
      int fenceAt = rolloutAt + rollouts;
      fences = HasField(fenceAt, MH_FENCE_FIELD) ? 1 : 0;
      if(m_json.Count() != ArraySize(m_fields) + novelties + rollouts + fences)
         return Bad(MhLong(m_json.Count()) + " fields");
      ArrayResize(m_names, m_json.Count());
      for(int index = 0; index < m_json.Count(); index++)
        {
         if(index < MH_BEFORE_NOVELTY)
            m_names[index] = m_fields[index];
         else
            if(index < rolloutAt)
               m_names[index] = MH_NOVELTY_FIELD;
            else
               if(index < fenceAt)
                  m_names[index] = m_rolloutFields[index - rolloutAt];
               else
                  m_names[index] = index < fenceAt + fences ? MH_FENCE_FIELD : m_fields[index - novelties - rollouts - fences];
         if(m_json.Key(index) != m_names[index])
            return Bad("field " + m_json.Key(index) + " instead of " + m_names[index]);
        }
      return true;
     }

   bool              Read(MhSignal &signal)
     {
      m_bad = "";
      int novelties = 0;
      int rollouts = 0;
      int fences = 0;
      if(!ReadNames(novelties, rollouts, fences))
         return false;
      signal.timestamp = Plain(0);
      if(!MhIsTimestamp(signal.timestamp))
         Bad("timestamp " + signal.timestamp);
      if(Plain(1) == "")
         Bad("pair is empty");
      signal.z = Number(2, true);
      signal.returnProb = Share(3);
      signal.riskScore = Share(4);
      signal.entry = Plain(5);
      signal.confidence = Share(6);
      signal.riskFlag = Number(7, true);
      if(signal.riskFlag != MH_UNKNOWN && signal.riskFlag != 0 && signal.riskFlag != 1)
         Bad("risk_flag");
      signal.theta1 = Share(8);
      signal.theta2 = Share(9);
      signal.scale = Share(10);
      signal.action = Words(11, "ENTER,EXIT,HOLD");
      signal.reason = Words(12, MH_REASONS);
      double target = Number(13, false);
      if(target != -1 && target != 0 && target != 1)
         Bad("target");
      signal.target = target < 0 ? -1 : (target == 1 ? 1 : 0);
      signal.positionId = Plain(14);
      if(signal.positionId != "" && !MhIsHex(signal.positionId, 32))
         Bad("position_id " + signal.positionId);
      long maxAge = Positive(15);
      signal.maxAgeBars = maxAge > 1000000000 ? 1000000000 : (int)maxAge;
      signal.beta = Number(16, true);
      signal.priceA = Price(17);
      signal.priceB = Price(18);
      signal.pairId = Plain(19);
      if(!MhParsePair(signal.pairId, signal.symbolA, signal.symbolB))
         Bad("pair_id " + signal.pairId);
      signal.signalId = Hex(20, 32);
      signal.modelVersion = Plain(21);
      Hex(22, 16);
      Hex(23, 16);
      signal.mode = Words(24, "OK,WARMUP,DEGRADED,HALT");
      Number(25, true);
      double rate = Number(26, false);
      if(rate <= 0 || rate > 1)
         Bad("leverage_reduction_rate is not above 0 and at most 1");
      double novelty = novelties > 0 ? Number(27, false) : 0;
      if(novelty < 0 || novelty > 1)
         Bad("novelty is not between 0 and 1");
      if(rollouts > 0)
        {
         Words(27 + novelties, "champion,challenger");
         if(Plain(28 + novelties) == "")
            Bad("rollout is empty");
        }
      signal.fence = fences > 0 ? Positive(27 + novelties + rollouts) : 0;
      int extra = novelties + rollouts + fences;
      signal.market = Words(28 + extra, "live,simulated,replay");
      signal.bootId = Plain(29 + extra);
      if(signal.bootId == "")
         Bad("boot_id is empty");
      signal.seq = Positive(30 + extra);
      signal.generatedMs = Positive(31 + extra);
      signal.validUntilMs = Positive(32 + extra);
      return m_bad == "";
     }

   // Consistency between fields.
   bool              IsSound(const MhSignal &signal)
     {
      bool enters = signal.action == "ENTER";
      if(enters != (signal.entry != ""))
         return Bad("action " + signal.action + " with entry " + signal.entry);
      if(enters && (signal.target == 0 || signal.positionId != signal.signalId))
         return Bad("ENTER with another position_id");
      if(enters && signal.mode != "OK" && signal.mode != "DEGRADED")
         return Bad("ENTER in mode " + signal.mode);
      if(signal.action == "EXIT" && signal.target != 0)
         return Bad("EXIT with a target");
      if((signal.target == 0) != (signal.positionId == "") && signal.action != "EXIT")
         return Bad("target and position_id");
      if(signal.reason == "SILENCE" && signal.action != "HOLD")
         return Bad("an action with reason SILENCE");
      if(signal.reason == "SILENCE" && signal.mode == "OK")
         return Bad("mode OK with reason SILENCE");
      if(signal.reason == "SHUTDOWN" && (signal.action != "HOLD" || signal.mode != "HALT"))
         return Bad("reason SHUTDOWN without HOLD and HALT");
      bool mayBeUnknown = signal.mode == "WARMUP" || signal.mode == "HALT" || signal.reason == "LEG_MISSING" ||
                          signal.reason == "LEG_EMPTY" || signal.reason == "BAR_SUSPECT";
      bool lacksNumbers = signal.z == MH_UNKNOWN || signal.scale == MH_UNKNOWN || signal.beta == MH_UNKNOWN ||
                          signal.priceA == MH_UNKNOWN || signal.priceB == MH_UNKNOWN;
      bool lacksScores = signal.returnProb == MH_UNKNOWN || signal.riskScore == MH_UNKNOWN ||
                         signal.confidence == MH_UNKNOWN || signal.riskFlag == MH_UNKNOWN ||
                         signal.theta1 == MH_UNKNOWN || signal.theta2 == MH_UNKNOWN;
      bool isOfRule = StringFind(signal.modelVersion, "rule/") == 0; // a rule has no scores
      if((lacksNumbers || (lacksScores && !isOfRule)) && !mayBeUnknown)
         return Bad("a number is null in mode " + signal.mode);
      if(enters && signal.entry != MhEntry(signal.target, signal.beta, signal.symbolA, signal.symbolB))
         return Bad("entry " + signal.entry);
      return true;
     }

   static bool       IsBlank(const uchar unit)
     {
      return unit == ' ' || (unit >= 9 && unit <= 13);
     }

public:
                     MhSignalReader()
     {
      StringSplit(MH_SIGNAL_FIELDS, ',', m_fields);
      StringSplit(MH_ROLLOUT_FIELDS, ',', m_rolloutFields);
      m_bad = "";
     }

   // Checks 1 to 3. `seen` is the reason of a refusal, as text.
   MhRefusal         Take(const uchar &bytes[], const int first, const int length, MhSignal &signal, string &seen)
     {
      int from = first;
      int end = first + length;
      while(from < end && IsBlank(bytes[from]))
         from++;
      while(end > from && IsBlank(bytes[end - 1]))
         end--;
      // `,"crc32":"00000000"}`
      int tail = end - 20;
      if(tail < from || bytes[from] != '{')
        {
         seen = MhLong(end - from) + " bytes";
         return MH_TORN;
        }
      if(MhText(bytes, tail, 20) != ",\"crc32\":\"" + MhHex8(MhCrc32(bytes, from, tail - from)) + "\"}")
        {
         seen = "ends in " + MhText(bytes, tail, 20);
         return MH_TORN;
        }
      // The checksum is valid: the rest is what the daemon wrote.
      bool isJson = m_json.Parse(MhText(bytes, from, end - from));
      string schema = isJson ? m_json.GetText("schema", "none") : "no JSON";
      if(schema != MH_SCHEMA)
        {
         seen = schema;
         return MH_OTHER_SCHEMA;
        }
      if(!Read(signal) || !IsSound(signal))
        {
         seen = m_bad;
         return MH_FORMAT;
        }
      return MH_NOT_REFUSED;
     }
  };

#endif
