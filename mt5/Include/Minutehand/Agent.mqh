//+------------------------------------------------------------------+
//| The expert advisor without its chart: reads signals, keeps state |
//| on disk, trades two legs or none, writes fills, sends bars.      |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_AGENT_MQH
#define MINUTEHAND_AGENT_MQH

#include "BarPusher.mqh"
#include "Calendar.mqh"
#include "Clock.mqh"
#include "Fill.mqh"
#include "StateFile.mqh"

#define MH_TASK_NONE 0
#define MH_TASK_GET 1
#define MH_TASK_BARS 2
#define MH_TASK_FILLS 3

// How long an unanswered order is searched for, in sync with the server, before it counts as not made.
#define MH_UNSURE_MS 30000
// Maximum search time counted between two looks: while the PC sleeps nothing is searched.
#define MH_LOOK_MS 2000
// After this time without a timer event the PC slept: the terminal's data may be stale although it is connected.
#define MH_ASLEEP_MS 30000
// After this time an own position is accepted although the history still lacks its deal.
#define MH_POSITION_MS 120000
#define MH_SECOND_LEG_MS 5000
#define MH_OPEN_ATTEMPTS 3
#define MH_CLOSE_PAUSE_MS 1000
// While a market stays closed, retries follow at increasing intervals.
#define MH_CLOSE_PAUSE_LAST_MS 60000
#define MH_BEGIN_PAUSE_MS 1000
#define MH_WAIT_PAUSE_MS 250
// The terminal's list of positions may lag behind an order, and is filled only after connecting.
#define MH_ORDER_SETTLES_MS 5000
#define MH_CONNECTION_SETTLES_MS 10000
// Interval at which the keys in Redis are read again, to recover lost messages.
#define MH_KEYS_MS 15000
#define MH_FILLS_AT_ONCE 50
#define MH_FILLS_BYTES 32768
#define MH_FILLS_REPEATED 65536
#define MH_TAIL_BYTES 65536
// Of result.json and trace.jsonl: a longer one is renamed to `.1`. Some 40,000 fills.
#define MH_LINES_LIMIT 16777216
// Half of it holds the tickets of more lines than MH_TAIL_BYTES.
#define MH_KNOWN_UNITS 16384

struct MhSettings
  {
   string            pairs;
   string            symbols;
   string            suffix;
   string            folder;
   bool              paper;
   bool              otherMarkets;
   long              magic;
   bool              useFiles;
   bool              useRedis;
   string            redisHost;
   int               redisPort;
   string            redisUser;
   string            redisPassword;
   int               redisDatabase;
   int               redisTimeoutMs;
   string            barsUrl;
   string            barsToken;
   bool              barsToRedis;
   bool              fillsToRedis;
   MhDst             dst;
   int               historyBars;
   bool              news;
   double            risk;
   double            maxLots;
   double            maxHedgeError;
   double            maxSpreadBps;
   double            maxDriftBps;
   double            slippageBps;
   int               maxOpenPairs;
   double            dailyLossPercent;
   double            stopPercent;
   double            paperEquity;
   double            paperSpreadBps;
   double            paperSlippageBps;
   int               maxSkewMs;
   bool              trace;
  };

// Values of a pair on the panel.
struct MhView
  {
   string            mode;
   string            reason;
   double            z;
   double            returnProb;
   double            riskScore;
   long              generatedMs;
   long              validUntilMs;
   long              latencyMs;
   string            refusal;
  };

class MhAgent
  {
private:
   MhSettings        m_settings;
   string            m_folder;
   string            m_pairs[];
   string            m_lastFiles[];
   // Pairs whose state is damaged: their positions are unknown.
   int               m_blocked[];
   MhConsumer        m_consumer;
   // Indexed as the consumer's memories.
   MhTrade           m_trades[];
   MhBook            m_books[];
   MhView            m_views[];
   ulong             m_tryTick[];
   // ENTERs that wait for a price, and the missing price (empty: none).
   MhSignal          m_waiting[];
   string            m_waitsFor[];
   MhClock           m_clock;
   MhRedisLink       m_listener;
   MhRedisLink       m_speaker;
   MhBarPusher       m_pusher;
   MhCalendar        m_calendar;
   int               m_lock;
   int               m_task;
   int               m_taskPair;
   ulong             m_keysTick;
   int               m_listenerSeen;
   long              m_fillsSent;
   long              m_fillsAsked;
   bool              m_killed;
   ulong             m_killTick;
   // The last lines of result.json at the start.
   string            m_tail;
   // Tickets of result.json and of lines not yet written to it, each between commas.
   string            m_known;
   bool              m_lossReached;
   ulong             m_lossTick;
   long              m_lossDay;
   ulong             m_fillsTick;
   ulong             m_settledTick;
   // Tick count from which on the terminal is in sync with the server.
   ulong             m_syncTick;
   bool              m_wasConnected;
   // End of the last timer event.
   ulong             m_turnTick;
   string            m_missing;
   // The account is known, its folder locked, its state read.
   bool              m_isBegun;
   ulong             m_beginTick;
   long              m_login;
   // First own ticket of pairs without a saved one.
   long              m_firstTicket;
   int               m_fillsConnection;
   string            m_error;
   long              m_refusals;
   long              m_missed;

   // ---------------------------------------------------------------- state

   string            StateName(const string market, const string pairId)
     {
      return m_folder + "\\state_" + market + "_" + pairId + ".json";
     }

   int               PairIndex(const string pairId)
     {
      for(int k = 0; k < ArraySize(m_pairs); k++)
         if(m_pairs[k] == pairId)
            return k;
      return -1;
     }

   // Resizes the arrays that are indexed as the consumer's memories.
   void              Grow()
     {
      int size = ArraySize(m_trades);
      int count = m_consumer.Count();
      if(size == count)
         return;
      ArrayResize(m_trades, count);
      ArrayResize(m_books, count);
      ArrayResize(m_views, count);
      ArrayResize(m_tryTick, count);
      ArrayResize(m_waiting, count);
      ArrayResize(m_waitsFor, count);
      for(int i = size; i < count; i++)
        {
         m_waitsFor[i] = "";
         MhClearTrade(m_trades[i]);
         MhClearBook(m_books[i]);
         m_books[i].nextTicket = m_firstTicket;
         m_views[i].mode = "";
         m_views[i].reason = "";
         m_views[i].z = MH_UNKNOWN;
         m_views[i].returnProb = MH_UNKNOWN;
         m_views[i].riskScore = MH_UNKNOWN;
         m_views[i].generatedMs = 0;
         m_views[i].validUntilMs = 0;
         m_views[i].latencyMs = 0;
         m_views[i].refusal = "";
         m_tryTick[i] = 0;
        }
     }

   bool              Save(const int i)
     {
      MhMemory memory;
      m_consumer.Get(i, memory);
      if(MhSaveState(StateName(memory.market, memory.pairId), memory, m_trades[i], m_books[i]))
         return true;
      m_error = "STATE_WRITE: cannot write into " + m_folder + ", error " + MhLong(GetLastError());
      return false;
     }

   // MH_SEAL_OK, MH_SEAL_DAMAGED or MH_SEAL_HELD.
   int               Load(const string market, const string pairId)
     {
      MhMemory memory;
      MhTrade trade;
      MhBook book;
      MhClearTrade(trade);
      MhClearBook(book);
      int found = MhLoadState(StateName(market, pairId), memory, trade, book);
      if(found == MH_SEAL_NONE)
         return MH_SEAL_OK;
      if(found != MH_SEAL_OK)
         return found;
      m_consumer.Restore(memory);
      Grow();
      int i = m_consumer.Place(market, pairId);
      m_trades[i] = trade;
      m_books[i] = book;
      // Its entry waited for the close of another position when the expert advisor ended.
      if(memory.positionId != "" && (trade.stage == MH_FLAT || trade.positionId != memory.positionId))
        {
         ReportRefusalOf(i, memory.positionId, 0, "GIVEN_UP RESTART");
         m_consumer.Closed(memory.positionId);
         Save(i);
        }
      return MH_SEAL_OK;
     }

   // ---------------------------------------------------------------- fills

   string            ResultName()
     {
      return m_folder + "\\result.json";
     }

   string            AccountName()
     {
      if(m_settings.paper)
         return "paper";
      return AccountInfoInteger(ACCOUNT_TRADE_MODE) == ACCOUNT_TRADE_MODE_REAL ? "real" : "demo";
     }

   // The end of result.json, long enough for every line that a state may still hold: that of the file before too, when
   // this one was begun lately. False when it cannot be read now.
   bool              ResultTail(string &text)
     {
      string before = "";
      text = "";
      if(!TailOf(ResultName(), MH_TAIL_BYTES, text))
         return false;
      long size = MhFileSize(ResultName());
      if(size < 0)
         return false;
      if(size < MH_TAIL_BYTES && !TailOf(ResultName() + ".1", MH_TAIL_BYTES - size, before))
         return false;
      text = before + text;
      return true;
     }

   bool              TailOf(const string name, const long limit, string &text)
     {
      uchar bytes[];
      text = "";
      long size = MhFileSize(name);
      if(size <= 0)
         return size == 0;
      long offset = size > limit ? size - limit : 0;
      if(!MhReadPart(name, offset, (int)limit, bytes))
         return false;
      text = MhText(bytes, 0, ArraySize(bytes));
      return true;
     }

   // Renames a full result.json once Redis has its lines, where it is to have them. The mark goes first: with a mark of
   // the file before, lines of the new one would count as confirmed.
   void              RenameFullResult(const long added)
     {
      long size = MhFileSize(ResultName());
      if(size <= 0 || size + added <= MH_LINES_LIMIT)
         return;
      if(m_settings.fillsToRedis)
        {
         if(m_fillsSent < size || m_task == MH_TASK_FILLS)
            return;
         if(!MhReplaceFile(m_folder + "\\fills.sent", "0\n"))
            return;
        }
      if(MhRenameFull(ResultName(), added, MH_LINES_LIMIT))
         m_fillsSent = 0;
      else if(m_settings.fillsToRedis)
         MhReplaceFile(m_folder + "\\fills.sent", MhLong(m_fillsSent) + "\n");
      m_fillsAsked = m_fillsSent;
     }

   void              AppendTrace(const string line)
     {
      string name = m_folder + "\\trace.jsonl";
      MhRenameFull(name, StringLen(line), MH_LINES_LIMIT);
      MhAppendFile(name, line);
     }

   void              PrepareFill(const int i, MhFill &fill)
     {
      MhMemory memory;
      m_consumer.Get(i, memory);
      fill.signalId = m_trades[i].positionId;
      fill.positionId = m_trades[i].positionId;
      fill.pairId = memory.pairId;
      fill.market = memory.market;
      fill.account = AccountName();
      fill.reason = "";
      fill.leg = "";
      fill.symbol = "";
      fill.brokerSymbol = "";
      fill.side = 0;
      fill.ticket = 0;
      fill.lots = 0;
      fill.requested = 0;
      fill.price = 0;
      fill.timeMs = m_clock.NowMs();
      fill.signalMs = m_trades[i].generatedMs;
      fill.hasPnl = false;
      fill.pnl = 0;
      fill.currency = AccountInfoString(ACCOUNT_CURRENCY);
      fill.error = "";
     }

   // The next ticket of a line without a broker's ticket.
   ulong             OwnTicket(const int i)
     {
      m_books[i].nextTicket++;
      return (ulong)(m_books[i].nextTicket - 1);
     }

   void              Report(const int i, const MhFill &fill)
     {
      m_books[i].outbox += MhFillLine(fill) + "\n";
      m_known += MhLong((long)fill.ticket) + ",";
      if(StringLen(m_known) > MH_KNOWN_UNITS)
         m_known = StringSubstr(m_known, StringFind(m_known, ",", MH_KNOWN_UNITS / 2));
     }

   // Reports an ENTER that was not followed. @param generatedMs of its signal, 0 when not known
   void              ReportRefusalOf(const int i, const string positionId, const long generatedMs, const string why)
     {
      MhFill fill;
      PrepareFill(i, fill);
      fill.kind = "refused";
      fill.signalId = positionId;
      fill.positionId = positionId;
      fill.signalMs = generatedMs;
      fill.ticket = OwnTicket(i);
      fill.error = why;
      Report(i, fill);
      m_error = fill.pairId + " " + why;
     }

   void              ReportRefusal(const int i, const string why)
     {
      ReportRefusalOf(i, m_trades[i].positionId, m_trades[i].generatedMs, why);
     }

   // Writes to result.json after the state that holds the same lines: a crash in between loses none.
   void              Flush(const int i)
     {
      if(m_books[i].outbox == "")
         return;
      RenameFullResult(StringLen(m_books[i].outbox));
      if(!MhAppendFile(ResultName(), m_books[i].outbox))
        {
         m_error = "RESULT_WRITE: cannot write " + ResultName();
         return;
        }
      m_books[i].outbox = "";
      Save(i);
     }

   // After a restart, lines that are already in result.json are not written again.
   void              FlushAfterRestart(const int i)
     {
      if(m_books[i].outbox == "")
         return;
      string lines[];
      int count = StringSplit(m_books[i].outbox, '\n', lines);
      string missing = "";
      for(int k = 0; k < count; k++)
         if(lines[k] != "" && StringFind(m_tail, lines[k] + "\n") < 0)
            missing += lines[k] + "\n";
      m_books[i].outbox = missing;
      if(missing == "")
         Save(i);
      else
         Flush(i);
     }

   // ---------------------------------------------------------------- prices and money

   bool              IsLive(const int i)
     {
      return m_consumer.Market(i) == "live";
     }

   string            BrokerName(const string symbol)
     {
      return MhBrokerSymbol(symbol, m_settings.symbols, m_settings.suffix);
     }

   // Specification of a lot of a leg. Simulated and replayed markets have prices of their own, unknown to the terminal:
   // there a lot is one unit.
   bool              Spec(const int i, const int k, MhLotSpec &spec)
     {
      if(IsLive(i))
         return MhLotSpecOf(BrokerName(m_trades[i].legs[k].symbol), m_settings.suffix, spec);
      spec.contract = 1;
      spec.rate = 1;
      spec.price = k == 0 ? m_books[i].priceA : m_books[i].priceB;
      spec.minLots = 0.01;
      spec.maxLots = 1000000;
      spec.stepLots = 0.01;
      return spec.price > 0;
     }

   // Price at which a leg can be bought (side 1) or sold now; 0 when not known.
   double            Price(const int i, const int k, const int side)
     {
      if(IsLive(i))
         return SymbolInfoDouble(BrokerName(m_trades[i].legs[k].symbol), side > 0 ? SYMBOL_ASK : SYMBOL_BID);
      double middle = k == 0 ? m_books[i].priceA : m_books[i].priceB;
      return middle * (1 + side * m_settings.paperSpreadBps / 20000);
     }

   double            LegPnl(const int i, const int k, const double lots, const double price)
     {
      MhLotSpec spec;
      if(!Spec(i, k, spec))
         return 0;
      return m_trades[i].legs[k].side * (price - m_trades[i].legs[k].price) * lots * spec.contract * spec.rate;
     }

   // Floating profit of a pair if it were closed now. False while a leg has no price: one leg alone is neither loss nor
   // profit.
   bool              Floating(const int i, double &sum)
     {
      sum = 0;
      for(int k = 0; k < 2; k++)
        {
         if(m_trades[i].legs[k].lots <= 0)
            continue;
         MhLotSpec spec;
         double price = Price(i, k, -m_trades[i].legs[k].side);
         if(!(price > 0) || !Spec(i, k, spec))
            return false;
         sum += LegPnl(i, k, m_trades[i].legs[k].lots, price);
        }
      return true;
     }

   // False while it is unknown: before the log-in the terminal reports 0.
   bool              Equity(double &equity)
     {
      if(!m_settings.paper)
        {
         equity = AccountInfoDouble(ACCOUNT_EQUITY);
         return equity > 0;
        }
      equity = m_settings.paperEquity;
      for(int i = 0; i < ArraySize(m_trades); i++)
        {
         double floating = 0;
         if(!Floating(i, floating))
            return false;
         equity += m_books[i].realised + floating;
        }
      return true;
     }

   bool              IsConnected()
     {
      return TerminalInfoInteger(TERMINAL_CONNECTED) != 0;
     }

   // Whether positions, history and account data equal those of the server.
   bool              IsInSync()
     {
      return IsConnected() && GetTickCount64() >= m_syncTick;
     }

   // Whether losses can be checked, and the equity for it.
   bool              HasEquity(double &equity)
     {
      return (m_settings.paper || IsInSync()) && Equity(equity);
     }

   void              BookPnl(const int i, const double pnl)
     {
      long day = m_clock.NowMs() / 86400000;
      if(m_books[i].day != day)
        {
         m_books[i].day = day;
         m_books[i].dayPnl = 0;
        }
      m_books[i].realised += pnl;
      m_books[i].dayPnl += pnl;
      m_trades[i].pnl += pnl;
     }

   // Whether the loss limit of this UTC day is reached.
   void              CheckLoss()
     {
      long day = m_clock.NowMs() / 86400000;
      m_lossReached = m_lossDay == day;
      double dayPnl = 0;
      for(int i = 0; i < ArraySize(m_trades); i++)
        {
         double floating = 0;
         if(!Floating(i, floating))
            return;
         dayPnl += (m_books[i].day == day ? m_books[i].dayPnl : 0) + floating;
        }
      double equity = 0;
      if(!HasEquity(equity))
         return;
      double began = equity - dayPnl;
      // Once reached, it applies until the end of the day, even when floating losses recover.
      if(m_settings.dailyLossPercent > 0 && dayPnl <= -began * m_settings.dailyLossPercent / 100)
         m_lossDay = day;
      m_lossReached = m_lossDay == day;
     }

   int               OpenPairs()
     {
      int count = 0;
      for(int i = 0; i < ArraySize(m_trades); i++)
         if(m_trades[i].stage != MH_FLAT)
            count++;
      return count;
     }

   // ---------------------------------------------------------------- orders

   string            OrderComment(const int i, const int k, const bool opens)
     {
      return "mh" + (k == 0 ? "A" : "B") + (opens ? "o" : "c") + StringSubstr(m_trades[i].positionId, 8, 24);
     }

   void              Execute(const int i, const int k, const int side, const double lots, const bool opens, MhExecution &done)
     {
      if(!m_settings.paper)
        {
         ulong position = 0;
         double volume = lots;
         if(!opens && MhIsHedging())
           {
            position = MhPositionTicket(m_trades[i].legs[k].position);
            // Without its position a closing order would open another one.
            if(position == 0 || !PositionSelectByTicket(position))
              {
               MhClearExecution(done);
               done.error = "POSITION_GONE";
               return;
              }
            volume = MathMin(lots, PositionGetDouble(POSITION_VOLUME));
           }
         m_settledTick = MathMax(m_settledTick, GetTickCount64() + MH_ORDER_SETTLES_MS);
         MhSendOrder(BrokerName(m_trades[i].legs[k].symbol), side, volume, position, OrderComment(i, k, opens), m_settings.magic, m_settings.slippageBps, done);
         if(!opens)
            done.position = m_trades[i].legs[k].position;
         return;
        }
      MhClearExecution(done);
      done.lots = lots;
      done.requested = Price(i, k, side);
      done.price = done.requested * (1 + side * m_settings.paperSlippageBps / 10000);
      if(!(done.requested > 0))
        {
         done.error = "NO_PRICE";
         return;
        }
      done.outcome = MH_ORDER_DONE;
      done.ticket = OwnTicket(i);
     }

   void              ReportLeg(const int i, const int k, const bool opens, const MhExecution &done, const double pnl)
     {
      MhFill fill;
      PrepareFill(i, fill);
      fill.kind = opens ? "open" : "close";
      if(!opens && m_trades[i].closeSignalId != "")
        {
         fill.signalId = m_trades[i].closeSignalId;
         fill.signalMs = m_trades[i].closeGeneratedMs;
        }
      if(!opens && m_trades[i].closeSignalId == "")
         fill.signalMs = 0;
      fill.reason = opens ? "ENTRY" : m_trades[i].closeReason;
      fill.leg = k == 0 ? "A" : "B";
      fill.symbol = m_trades[i].legs[k].symbol;
      fill.brokerSymbol = IsLive(i) ? BrokerName(fill.symbol) : fill.symbol;
      fill.side = opens ? m_trades[i].legs[k].side : -m_trades[i].legs[k].side;
      fill.ticket = done.ticket;
      fill.lots = done.lots;
      fill.requested = done.requested;
      fill.price = done.price;
      fill.hasPnl = !opens;
      fill.pnl = pnl;
      Report(i, fill);
     }

   void              Opened(const int i, const int k, MhExecution &done)
     {
      if(done.requested <= 0)
         done.requested = done.price;
      m_trades[i].legs[k].stage = MH_LEG_HELD;
      m_trades[i].legs[k].lots = done.lots;
      m_trades[i].legs[k].price = done.price;
      m_trades[i].legs[k].position = done.position;
      m_trades[i].legs[k].order = 0;
      m_settledTick = MathMax(m_settledTick, GetTickCount64() + MH_ORDER_SETTLES_MS);
      if(done.fees != 0)
         BookPnl(i, done.fees);
      ReportLeg(i, k, true, done, 0);
     }

   void              Closed(const int i, const int k, MhExecution &done)
     {
      if(done.requested <= 0)
         done.requested = done.price;
      double lots = MathMin(done.lots, m_trades[i].legs[k].lots);
      double pnl = LegPnl(i, k, lots, done.price) + done.fees;
      BookPnl(i, pnl);
      ReportLeg(i, k, false, done, pnl);
      m_trades[i].legs[k].lots = NormalizeDouble(m_trades[i].legs[k].lots - lots, 8);
      m_trades[i].legs[k].stage = m_trades[i].legs[k].lots > MH_LOTS_TOLERANCE ? MH_LEG_HELD : MH_LEG_CLOSED;
      m_trades[i].legs[k].order = 0;
      m_trades[i].legs[k].attempts = 0;
     }

   // Searches for an order that may be at the broker. 1: found and booked. 0: it was not made. -1: not known yet.
   //
   // An order that is found is booked at once. It counts as not made only after MH_UNSURE_MS in sync with the server
   // without a live order.
   int               Find(const int i, const int k, const bool opens)
     {
      if(m_settings.paper)
         return 0;
      MhSought sought;
      Seek(i, k, opens, sought);
      MhExecution done;
      int found = MhFindOrder(sought, done);
      if(found == MH_FOUND_ENDED)
         return 0;
      // A live order may be executed right after it was seen, and its deal reported later: the search time begins when
      // it is no longer live.
      ulong searchedMs = Searched(i, k, IsInSync() && !MhIsLive(sought));
      if(found == MH_FOUND_OPEN && searchedMs >= MH_POSITION_MS && MhReadOpened(sought, done))
         found = MH_FOUND_DONE;
      if(found == MH_FOUND_DONE)
        {
         if(opens)
            Opened(i, k, done);
         else
            Closed(i, k, done);
         return 1;
        }
      return found == MH_FOUND_OPEN || searchedMs < MH_UNSURE_MS ? -1 : 0;
     }

   // Tickets of another leg. On a netting account all share one position with the number of its first order, which may
   // be the order searched for.
   string            Taken(const MhLeg &leg)
     {
      return (MhIsHedging() ? MhLong((long)leg.position) + "," : "") + MhLong((long)leg.order) + ",";
     }

   // Duration of the search so far, in ms.
   ulong             Searched(const int i, const int k, const bool isSearching)
     {
      ulong tick = isSearching ? GetTickCount64() : 0;
      ulong before = m_trades[i].legs[k].lookTick;
      m_trades[i].legs[k].lookTick = tick;
      if(tick == 0 || before == 0)
         m_trades[i].legs[k].searchedMs = 0;
      else
         m_trades[i].legs[k].searchedMs += MathMin(tick - before, (ulong)MH_LOOK_MS);
      return m_trades[i].legs[k].searchedMs;
     }

   void              Seek(const int i, const int k, const bool opens, MhSought &sought)
     {
      long agoMs = m_clock.NowMs() - m_trades[i].legs[k].firstSentMs;
      sought.symbol = BrokerName(m_trades[i].legs[k].symbol);
      sought.side = opens ? m_trades[i].legs[k].side : -m_trades[i].legs[k].side;
      sought.magic = m_settings.magic;
      sought.lots = opens ? m_trades[i].legs[k].wanted : m_trades[i].legs[k].lots;
      sought.opens = opens;
      sought.position = opens ? 0 : m_trades[i].legs[k].position;
      sought.comment = OrderComment(i, k, opens);
      sought.since = (datetime)((long)TimeTradeServer() - (agoMs > 0 ? agoMs / 1000 : 0) - MH_SEARCH_MARGIN_S);
      sought.order = m_trades[i].legs[k].order;
      sought.taken = ",";
      for(int other = 0; other < ArraySize(m_trades); other++)
         for(int leg = 0; leg < 2; leg++)
            if(other != i || leg != k)
               sought.taken += Taken(m_trades[other].legs[leg]);
      sought.known = m_known;
     }

   // Tickets of the last lines of result.json and of those not yet written when the program last ended.
   void              ReadKnown()
     {
      string text = m_tail;
      for(int i = 0; i < ArraySize(m_books); i++)
         text += m_books[i].outbox;
      m_known = ",";
      string mark = "\"ticket\":";
      int at = StringFind(text, mark);
      while(at >= 0)
        {
         int begin = at + StringLen(mark);
         int end = StringFind(text, ",", begin);
         if(end < 0)
            break;
         m_known += MhPart(text, begin, end - begin) + ",";
         at = StringFind(text, mark, end);
        }
     }

   // ---------------------------------------------------------------- trades

   void              BeginClose(const int i, const string reason, const string signalId, const long generatedMs)
     {
      if(m_trades[i].stage == MH_FLAT || m_trades[i].stage == MH_CLOSING)
         return;
      m_trades[i].stage = MH_CLOSING;
      m_trades[i].closeReason = reason;
      m_trades[i].closeSignalId = signalId;
      m_trades[i].closeGeneratedMs = generatedMs;
      m_tryTick[i] = 0;
      for(int k = 0; k < 2; k++)
        {
         // Stages of closing orders; an opening one may still be searched for.
         m_trades[i].legs[k].attempts = 0;
         m_trades[i].legs[k].tryTick = 0;
         if(m_trades[i].legs[k].stage != MH_LEG_SENT)
            m_trades[i].legs[k].firstSentMs = 0;
        }
      if(m_settings.trace && signalId == "")
         AppendTrace("{\"now_ms\":" + MhLong(m_clock.NowMs()) + MhTextField("closed", m_trades[i].positionId) +
                     MhTextField("reason", reason) + "}\n");
     }

   // Whether this refusal may be temporary: a symbol just selected has no price, a terminal just started has no equity.
   bool              IsPassing(const string refusal)
     {
      return StringFind(refusal, "NO_PRICE ") == 0 || StringFind(refusal, "SIZE_UNKNOWN ") == 0 || refusal == "ACCOUNT_UNKNOWN";
     }

   // Why a leg is not opened at current prices; empty when it is. @param signaled price in the signal
   string            CapOfLeg(const string symbol, const double signaled)
     {
      double bid = SymbolInfoDouble(symbol, SYMBOL_BID);
      double ask = SymbolInfoDouble(symbol, SYMBOL_ASK);
      if(!(bid > 0) || !(ask > 0))
         return "NO_PRICE " + symbol;
      double spreadBps = (ask - bid) / bid * 10000;
      if(spreadBps > m_settings.maxSpreadBps)
         return "CAP_SPREAD " + symbol + " " + MhNumber(spreadBps, 2) + " bps";
      double driftBps = MathAbs((bid + ask) / 2 / signaled - 1) * 10000;
      if(driftBps > m_settings.maxDriftBps)
         return "CAP_DRIFT " + symbol + " " + MhNumber(driftBps, 2) + " bps";
      return "";
     }

   // Why this ENTER is not followed; empty when it is.
   string            CapReached(const int i, const MhSignal &signal)
     {
      if(m_killed)
         return "KILL";
      if(m_lossReached)
         return "DAILY_LOSS";
      if(OpenPairs() > m_settings.maxOpenPairs)
         return "CAP_OPEN_PAIRS";
      if(!MhIsPrice(signal.priceA) || !MhIsPrice(signal.priceB))
         return "PRICE_RANGE";
      if(!IsLive(i))
         return "";
      if(!IsConnected())
         return "NOT_CONNECTED";
      if(!m_settings.paper && (TerminalInfoInteger(TERMINAL_TRADE_ALLOWED) == 0 || MQLInfoInteger(MQL_TRADE_ALLOWED) == 0))
         return "TRADING_NOT_ALLOWED";
      for(int k = 0; k < 2; k++)
        {
         string symbol = BrokerName(m_trades[i].legs[k].symbol);
         if(!SymbolSelect(symbol, true))
            return "NO_SYMBOL " + symbol;
         if(!m_settings.paper && SymbolInfoInteger(symbol, SYMBOL_TRADE_MODE) != SYMBOL_TRADE_MODE_FULL)
            return "NOT_TRADABLE " + symbol;
         if(!MhIsInSession(symbol, TimeTradeServer()))
            return "MARKET_CLOSED " + symbol;
         string refusal = CapOfLeg(symbol, k == 0 ? signal.priceA : signal.priceB);
         if(refusal != "")
            return refusal;
        }
      return "";
     }

   // Prepares the trade of an ENTER. False: it is refused and reported, or waits for a price.
   bool              Plan(const int i, const MhSignal &signal)
     {
      MhClearTrade(m_trades[i]);
      m_trades[i].stage = MH_OPENING;
      m_trades[i].positionId = signal.positionId;
      m_trades[i].beta = signal.beta;
      m_trades[i].generatedMs = signal.generatedMs;
      m_trades[i].validUntilMs = signal.validUntilMs;
      m_trades[i].maxAgeBars = signal.maxAgeBars;
      // Signals are valid for a bar and 1.5 feed intervals. A live interval is a minute; a late signal is valid for
      // less.
      int minutes = MhBarMinutes(signal.pairId);
      long validMs = signal.validUntilMs - signal.generatedMs;
      m_trades[i].intervalMs = minutes * (signal.market == "live" ? 60000 : validMs * 2 / (2 * minutes + 3));
      m_trades[i].legs[0].symbol = signal.symbolA;
      m_trades[i].legs[1].symbol = signal.symbolB;
      m_trades[i].legs[0].side = signal.target;
      m_trades[i].legs[1].side = signal.beta < 0 ? signal.target : -signal.target;
      m_waitsFor[i] = "";
      string refusal = CapReached(i, signal);
      double equity = 0;
      if(refusal == "" && !Equity(equity))
         refusal = "ACCOUNT_UNKNOWN";
      MhLotSpec a;
      MhLotSpec b;
      if(refusal == "" && (!Spec(i, 0, a) || !Spec(i, 1, b)))
         refusal = "SIZE_UNKNOWN no price or rate";
      if(refusal == "")
        {
         MhSizes sizes;
         MhSize(equity, m_settings.risk, signal.scale, signal.beta, IsLive(i) ? m_settings.maxLots : 1000000, m_settings.maxHedgeError, a, b, sizes);
         refusal = sizes.refusal;
         m_trades[i].legs[0].wanted = sizes.lotsA;
         m_trades[i].legs[1].wanted = sizes.lotsB;
        }
      if(refusal == "")
         return true;
      if(IsPassing(refusal) && m_clock.NowMs() <= signal.validUntilMs)
         KeepWaiting(i, signal, refusal);
      else
        {
         ReportRefusal(i, refusal);
         m_consumer.Closed(signal.positionId);
        }
      MhClearTrade(m_trades[i]);
      return false;
     }

   // Waiting ENTERs are in no file: a restart cancels them.
   void              KeepWaiting(const int i, const MhSignal &signal, const string why)
     {
      m_waiting[i] = signal;
      m_waitsFor[i] = why;
      m_tryTick[i] = GetTickCount64() + MH_WAIT_PAUSE_MS;
     }

   void              GiveUpWaiting(const int i, const string why)
     {
      ReportRefusalOf(i, m_waiting[i].positionId, m_waiting[i].generatedMs, why);
      m_consumer.Closed(m_waiting[i].positionId);
      m_waitsFor[i] = "";
      Save(i);
      Flush(i);
     }

   void              WorkWaiting(const int i)
     {
      if(GetTickCount64() < m_tryTick[i])
         return;
      if(m_clock.NowMs() > m_waiting[i].validUntilMs)
        {
         GiveUpWaiting(i, m_waitsFor[i]);
         return;
        }
      MhSignal signal = m_waiting[i];
      bool plans = Plan(i, signal);
      if(m_waitsFor[i] != "")
         return;
      if(!Save(i) && plans)
        {
         MhClearTrade(m_trades[i]);
         KeepWaiting(i, signal, "STATE_WRITE");
         return;
        }
      Flush(i);
     }

   void              WorkOpening(const int i)
     {
      for(int k = 0; k < 2; k++)
        {
         if(m_trades[i].legs[k].stage == MH_LEG_HELD)
            continue;
         if(m_trades[i].legs[k].stage == MH_LEG_SENT)
           {
            int found = Find(i, k, true);
            if(found < 0)
               return;
            if(found == 0)
              {
               m_trades[i].legs[k].stage = MH_LEG_IDLE;
               m_trades[i].legs[k].attempts++;
              }
            if(found == 1 && k == 0)
               FitSecondLeg(i);
            Save(i);
            if(found == 1)
               continue;
           }
         // A single leg is worse than a late pair: the second leg may follow some seconds later.
         long lateMs = k == 1 && m_trades[i].legs[0].stage == MH_LEG_HELD ? MH_SECOND_LEG_MS : 0;
         if(m_clock.NowMs() > m_trades[i].validUntilMs + lateMs)
           {
            ReportRefusal(i, "EXPIRED leg " + (k == 0 ? "A" : "B"));
            BeginClose(i, "EXPIRED", "", 0);
            break;
           }
         if(m_killed)
           {
            BeginClose(i, "KILL", "", 0);
            break;
           }
         if(!m_settings.paper && !IsConnected())
            return;
         MhExecution done;
         MhClearExecution(done);
         done.error = CapAtOrder(i, k);
         if(done.error == "")
           {
            if(!MayOrder(i, k, MH_LEG_SENT))
              {
               m_tryTick[i] = GetTickCount64() + MH_WAIT_PAUSE_MS;
               return;
              }
            Execute(i, k, m_trades[i].legs[k].side, m_trades[i].legs[k].wanted, true, done);
           }
         if(done.outcome == MH_ORDER_UNSURE)
           {
            m_trades[i].legs[k].order = done.order;
            m_error = "order without an answer: " + done.error;
            Save(i);
            return;
           }
         if(done.outcome == MH_ORDER_DONE)
           {
            Opened(i, k, done);
            if(k == 0)
               FitSecondLeg(i);
            Save(i);
            Flush(i);
            continue;
           }
         m_trades[i].legs[k].stage = MH_LEG_IDLE;
         m_trades[i].legs[k].attempts++;
         if(done.outcome == MH_ORDER_LATER && m_trades[i].legs[k].attempts < MH_OPEN_ATTEMPTS)
           {
            m_tryTick[i] = GetTickCount64() + 250;
            Save(i);
            return;
           }
         ReportRefusal(i, "leg " + (k == 0 ? "A " : "B ") + done.error);
         BeginClose(i, "LEG_FAILED", "", 0);
         break;
        }
      if(m_trades[i].stage == MH_OPENING)
        {
         double hedge = m_trades[i].legs[1].lots / m_trades[i].legs[1].wanted;
         if(MathAbs(hedge - 1) > m_settings.maxHedgeError)
           {
            ReportRefusal(i, "leg B partly filled");
            BeginClose(i, "LEG_FAILED", "", 0);
           }
         else
           {
            m_trades[i].stage = MH_OPEN;
            m_trades[i].openedMs = m_clock.NowMs();
           }
        }
      Save(i);
      Flush(i);
     }

   // Leg A was filled in part: leg B is reduced by the same share.
   void              FitSecondLeg(const int i)
     {
      double share = m_trades[i].legs[0].lots / m_trades[i].legs[0].wanted;
      if(share > 0.999999)
         return;
      // Only the lot step is needed: a price may be missing now.
      MhLotSpec spec;
      spec.stepLots = 0.01;
      spec.minLots = 0.01;
      Spec(i, 1, spec);
      m_trades[i].legs[1].wanted = MathMax(MhSteps(m_trades[i].legs[1].wanted * share, spec.stepLots, 0.5), spec.minLots);
     }

   // Before an order is sent, the state on disk says so. False: it cannot be written now.
   bool              MayOrder(const int i, const int k, const int stage)
     {
      m_trades[i].legs[k].sentMs = m_clock.NowMs();
      if(m_settings.paper)
         return true;
      int before = m_trades[i].legs[k].stage;
      if(m_trades[i].legs[k].firstSentMs == 0)
         m_trades[i].legs[k].firstSentMs = m_trades[i].legs[k].sentMs;
      m_trades[i].legs[k].order = 0;
      m_trades[i].legs[k].lookTick = 0;
      m_trades[i].legs[k].stage = stage;
      if(Save(i))
         return true;
      m_trades[i].legs[k].stage = before;
      return false;
     }

   // With market execution no deviation limits the price of an order: the caps are checked again right before it.
   string            CapAtOrder(const int i, const int k)
     {
      string symbol = BrokerName(m_trades[i].legs[k].symbol);
      if(m_settings.paper || MhHasDeviation(symbol))
         return "";
      return CapOfLeg(symbol, k == 0 ? m_books[i].priceA : m_books[i].priceB);
     }

   // On a netting account a closing order for a closed position opens the opposite one: not before the terminal is in
   // sync.
   bool              MayClose()
     {
      if(m_settings.paper)
         return true;
      return MhIsHedging() ? IsConnected() : IsInSync();
     }

   ulong             ClosePause(const uint retcode, const int attempts)
     {
      bool isPrice = retcode == 0 || retcode == TRADE_RETCODE_REQUOTE || retcode == TRADE_RETCODE_PRICE_CHANGED || retcode == TRADE_RETCODE_PRICE_OFF;
      ulong pauseMs = MH_CLOSE_PAUSE_MS;
      for(int doubled = 0; doubled < attempts && !isPrice && pauseMs < MH_CLOSE_PAUSE_LAST_MS; doubled++)
         pauseMs *= 2;
      return pauseMs < MH_CLOSE_PAUSE_LAST_MS ? pauseMs : MH_CLOSE_PAUSE_LAST_MS;
     }

   void              WorkClosing(const int i)
     {
      for(int k = 0; k < 2; k++)
        {
         int stage = m_trades[i].legs[k].stage;
         if(stage == MH_LEG_SENT || stage == MH_LEG_CLOSE_SENT)
           {
            int found = Find(i, k, stage == MH_LEG_SENT);
            if(found < 0)
               continue;
            if(found == 0)
               m_trades[i].legs[k].stage = stage == MH_LEG_SENT ? MH_LEG_CLOSED : MH_LEG_HELD;
            Save(i);
            stage = m_trades[i].legs[k].stage;
           }
         if(stage == MH_LEG_IDLE)
            m_trades[i].legs[k].stage = MH_LEG_CLOSED;
         if(stage != MH_LEG_HELD || GetTickCount64() < m_trades[i].legs[k].tryTick || !MayClose())
            continue;
         if(!m_settings.paper && IsGone(i, k) != 0)
            continue;
         MhExecution done;
         if(!MayOrder(i, k, MH_LEG_CLOSE_SENT))
           {
            m_trades[i].legs[k].tryTick = GetTickCount64() + MH_CLOSE_PAUSE_MS;
            continue;
           }
         Execute(i, k, -m_trades[i].legs[k].side, m_trades[i].legs[k].lots, false, done);
         if(done.outcome == MH_ORDER_DONE)
           {
            Closed(i, k, done);
            Save(i);
            Flush(i);
            continue;
           }
         if(done.outcome == MH_ORDER_UNSURE)
           {
            m_trades[i].legs[k].order = done.order;
            m_error = "order without an answer: " + done.error;
            Save(i);
            continue;
           }
         // Closing is retried until it succeeds.
         m_trades[i].legs[k].stage = MH_LEG_HELD;
         m_trades[i].legs[k].tryTick = GetTickCount64() + ClosePause(done.retcode, m_trades[i].legs[k].attempts);
         m_trades[i].legs[k].attempts++;
         m_error = m_trades[i].legs[k].symbol + " is not closed: " + done.error;
         Save(i);
        }
      if(m_trades[i].legs[0].stage != MH_LEG_CLOSED || m_trades[i].legs[1].stage != MH_LEG_CLOSED)
         return;
      // EXPIRED and LEG_FAILED have reported their refusal.
      bool opened = m_trades[i].legs[0].price > 0 || m_trades[i].legs[1].price > 0;
      if(!opened && m_trades[i].closeReason != "EXPIRED" && m_trades[i].closeReason != "LEG_FAILED")
         ReportRefusal(i, "GIVEN_UP " + m_trades[i].closeReason);
      m_consumer.Closed(m_trades[i].positionId);
      MhClearTrade(m_trades[i]);
      Save(i);
      Flush(i);
     }

   // Signed lots of a symbol over all pairs.
   double            OwnLots(const string symbol)
     {
      double sum = 0;
      for(int i = 0; i < ArraySize(m_trades); i++)
         for(int k = 0; k < 2; k++)
            if(m_trades[i].legs[k].lots > 0 && BrokerName(m_trades[i].legs[k].symbol) == symbol)
               sum += m_trades[i].legs[k].side * m_trades[i].legs[k].lots;
      return sum;
     }

   // Entry time of the oldest pair that holds this symbol, in server time.
   datetime          OldestEntry(const string symbol)
     {
      long oldestMs = m_clock.NowMs();
      for(int i = 0; i < ArraySize(m_trades); i++)
         for(int k = 0; k < 2; k++)
            if(m_trades[i].legs[k].lots > 0 && BrokerName(m_trades[i].legs[k].symbol) == symbol && m_trades[i].generatedMs < oldestMs)
               oldestMs = m_trades[i].generatedMs;
      return (datetime)((long)TimeTradeServer() - (m_clock.NowMs() - oldestMs) / 1000);
     }

   // Lots of a leg that still exist.
   //
   // On a netting account a symbol is one position of all programs and manual trades. That it is smaller than the sum
   // over pairs counts only where others traded the symbol meanwhile. Pairs on its side share the remainder in their
   // order; what the others held was netted out.
   double            Left(const int i, const int k, const MhOthers &others)
     {
      double held = m_trades[i].legs[k].lots;
      if(MhIsHedging())
        {
         ulong ticket = MhPositionTicket(m_trades[i].legs[k].position);
         return ticket != 0 && PositionSelectByTicket(ticket) ? MathMin(held, PositionGetDouble(POSITION_VOLUME)) : 0;
        }
      string symbol = BrokerName(m_trades[i].legs[k].symbol);
      double there = MhNetLots(symbol);
      if(there == 0 && others.wereLast)
         return 0;
      double own = OwnLots(symbol);
      if(others.deals == 0 || MathAbs(own) < MH_LOTS_TOLERANCE || (own < 0 ? there - own : own - there) < MH_LOTS_TOLERANCE)
         return held;
      int side = there < 0 ? -1 : 1;
      if(m_trades[i].legs[k].side != side)
         return 0;
      double rest = side * there;
      for(int other = 0; other < i; other++)
         for(int leg = 0; leg < 2; leg++)
            if(m_trades[other].legs[leg].lots > 0 && m_trades[other].legs[leg].side == side && BrokerName(m_trades[other].legs[leg].symbol) == symbol)
               rest -= m_trades[other].legs[leg].lots;
      return MathMax(0.0, MathMin(held, rest));
     }

   // Whether the terminal's list of positions is reliable: connected for long enough, and without an order in this
   // symbol so recent that the list may lag behind it.
   bool              IsSettled(const string symbol)
     {
      if(!IsInSync() || GetTickCount64() < m_settledTick)
         return false;
      for(int i = 0; i < ArraySize(m_trades); i++)
         for(int k = 0; k < 2; k++)
           {
            int stage = m_trades[i].legs[k].stage;
            if((stage == MH_LEG_SENT || stage == MH_LEG_CLOSE_SENT) && BrokerName(m_trades[i].legs[k].symbol) == symbol)
               return false;
           }
      return true;
     }

   // Detects a leg that was closed in full or part from outside: by hand, by a stop out. 0: all is there. 1: it is not,
   // and was reported. -1: it seems so, but the list may lag.
   int               IsGone(const int i, const int k)
     {
      string symbol = BrokerName(m_trades[i].legs[k].symbol);
      MhOthers others;
      MhFindOthers(symbol, MhIsHedging() ? m_trades[i].legs[k].position : 0, m_settings.magic, OldestEntry(symbol), others);
      double missing = m_trades[i].legs[k].lots - Left(i, k, others);
      if(missing < MH_LOTS_TOLERANCE)
         return 0;
      if(!IsSettled(symbol))
         return -1;
      // No position disappears without a deal.
      if(MhIsHedging() && !MhWasClosed(m_trades[i].legs[k].position, m_known, others.lastClose))
        {
         m_error = symbol + ": the position is not listed, and the history has no deal that closed it";
         return -1;
        }
      MhExecution done;
      MhClearExecution(done);
      done.outcome = MH_ORDER_DONE;
      done.ticket = others.lastClose;
      done.position = m_trades[i].legs[k].position;
      done.lots = missing;
      done.price = Price(i, k, -m_trades[i].legs[k].side);
      MhReadDeal(done);
      if(!(done.price > 0))
         return -1;
      // The deal closed more than this leg.
      done.fees *= MathMin(1.0, missing / done.lots);
      done.lots = missing;
      if(done.ticket == 0)
         done.ticket = OwnTicket(i);
      if(m_trades[i].stage == MH_OPEN)
         BeginClose(i, "EXTERNAL", "", 0);
      Closed(i, k, done);
      Save(i);
      Flush(i);
      return 1;
     }

   // Closes an open pair without a signal where a rule requires it.
   void              WorkOpen(const int i)
     {
      string reason = "";
      double floating = 0;
      double equity = 0;
      bool isChecked = Floating(i, floating) && HasEquity(equity);
      if(m_killed)
         reason = "KILL";
      else
         if(m_lossReached)
            reason = "DAILY_LOSS";
         else
            // Two intervals of grace: a running daemon signals MAX_AGE itself.
            if(m_clock.NowMs() - m_trades[i].openedMs > ((long)m_trades[i].maxAgeBars + 2) * m_trades[i].intervalMs)
               reason = "OWN_MAX_AGE";
            else
               if(isChecked && m_settings.stopPercent > 0 && floating < -equity * m_settings.stopPercent / 100)
                  reason = "OWN_STOP";
      if(reason != "")
        {
         BeginClose(i, reason, "", 0);
         Save(i);
         return;
        }
      if(m_settings.paper || GetTickCount64() < m_tryTick[i])
         return;
      m_tryTick[i] = GetTickCount64() + MH_CLOSE_PAUSE_MS;
      for(int k = 0; k < 2 && m_trades[i].stage == MH_OPEN; k++)
         IsGone(i, k);
     }

   void              WorkTrade(const int i)
     {
      if(m_waitsFor[i] != "")
         WorkWaiting(i);
      if(m_trades[i].stage == MH_OPENING && GetTickCount64() >= m_tryTick[i])
         WorkOpening(i);
      if(m_trades[i].stage == MH_OPEN)
         WorkOpen(i);
      if(m_trades[i].stage == MH_CLOSING)
         WorkClosing(i);
     }

   // ---------------------------------------------------------------- signals

   void              Trace(const uchar &bytes[], const int from, const int length, const long nowMs, const string pairId,
                           const MhVerdict &verdict)
     {
      string said = verdict.refusal != MH_NOT_REFUSED ? "refuse " + MhRefusalName(verdict.refusal)
                    : (verdict.closes ? "close " : "") + (verdict.opens ? "open " : "") + (verdict.halts ? "halt" : "");
      AppendTrace("{\"now_ms\":" + MhLong(nowMs) + MhTextField("verdict", said) +
                  MhTextField("pair_id", pairId) + MhTextField("text", MhText(bytes, from, length)) + "}\n");
     }

   // Handles one text from a file or from Redis.
   void              Hear(const uchar &bytes[], const int from, const int length, const string pairId)
     {
      int configured = PairIndex(pairId);
      if(configured < 0 || m_blocked[configured] != 0)
         return;
      MhSignal signal;
      MhVerdict verdict;
      long nowMs = m_clock.NowMs();
      m_consumer.Take(bytes, from, length, nowMs, pairId, signal, verdict);
      Grow();
      if(m_settings.trace && (verdict.refusal != MH_REPEATED || verdict.isNews))
         Trace(bytes, from, length, nowMs, pairId, verdict);
      int i = verdict.memory;
      if(verdict.refusal != MH_NOT_REFUSED && verdict.refusal != MH_REPEATED)
        {
         m_refusals++;
         if(i >= 0)
            m_views[i].refusal = MhRefusalName(verdict.refusal) + " " + verdict.seen;
         else
            m_error = pairId + " " + MhRefusalName(verdict.refusal) + " " + verdict.seen;
        }
      if(!verdict.isNews)
         return;
      if(verdict.refusal != MH_NOT_REFUSED)
        {
         Save(i);
         return;
        }
      m_missed += verdict.missed;
      m_views[i].refusal = "";
      m_views[i].mode = signal.mode;
      m_views[i].reason = signal.reason;
      m_views[i].z = signal.z;
      m_views[i].returnProb = signal.returnProb;
      m_views[i].riskScore = signal.riskScore;
      m_views[i].generatedMs = signal.generatedMs;
      m_views[i].validUntilMs = signal.validUntilMs;
      m_views[i].latencyMs = MhLatencyMs(signal.generatedMs, nowMs);
      if(signal.priceA != MH_UNKNOWN && signal.priceB != MH_UNKNOWN && MhIsPrice(signal.priceA) && MhIsPrice(signal.priceB))
        {
         m_books[i].priceA = signal.priceA;
         m_books[i].priceB = signal.priceB;
        }
      if(verdict.closes && m_trades[i].positionId == verdict.closeId)
         BeginClose(i, signal.reason, signal.signalId, signal.generatedMs);
      if(m_waitsFor[i] != "" && (verdict.halts || (verdict.closes && m_waiting[i].positionId == verdict.closeId)))
         GiveUpWaiting(i, "GIVEN_UP " + (verdict.halts ? "HALT" : signal.reason));
      // A waiting entry is canceled; open positions stay.
      if(verdict.halts && m_trades[i].stage == MH_OPENING)
         BeginClose(i, "HALT", signal.signalId, signal.generatedMs);
      bool plans = verdict.opens && m_trades[i].stage == MH_FLAT && Plan(i, signal);
      // Written to disk before any action.
      if(!Save(i))
        {
         // Nothing was sent: retried while the signal is valid.
         if(plans)
           {
            MhClearTrade(m_trades[i]);
            KeepWaiting(i, signal, "STATE_WRITE");
           }
         return;
        }
      WorkTrade(i);
      bool isWaiting = m_waitsFor[i] != "" && m_waiting[i].positionId == signal.positionId;
      if(verdict.opens && !plans && !isWaiting && m_trades[i].positionId != signal.positionId)
         OpenBehind(i, signal);
      Flush(i);
     }

   // An ENTER in the same signal as the end of another position.
   void              OpenBehind(const int i, const MhSignal &signal)
     {
      MhMemory memory;
      m_consumer.Get(i, memory);
      if(memory.positionId != signal.positionId)
         return;
      if(m_trades[i].stage != MH_FLAT)
        {
         ReportRefusalOf(i, signal.positionId, signal.generatedMs, "STILL_CLOSING");
         m_consumer.Closed(signal.positionId);
         Save(i);
         return;
        }
      bool plans = Plan(i, signal);
      if(Save(i))
        {
         if(plans)
            WorkTrade(i);
         return;
        }
      if(!plans)
         return;
      MhClearTrade(m_trades[i]);
      KeepWaiting(i, signal, "STATE_WRITE");
     }

   void              ReadFiles()
     {
      for(int k = 0; k < ArraySize(m_pairs); k++)
        {
         uchar bytes[];
         if(!MhReadFile(m_settings.folder + "\\signals\\" + m_pairs[k] + "\\signal.json", bytes))
            continue;
         int count = ArraySize(bytes);
         // The checksum at its end identifies the content.
         string end = count > 20 ? MhText(bytes, count - 21, 21) : MhText(bytes, 0, count);
         if(end == m_lastFiles[k])
            continue;
         m_lastFiles[k] = end;
         Hear(bytes, 0, count, m_pairs[k]);
        }
     }

   void              ReadRedis()
     {
      MhReply reply;
      if(!m_speaker.HasTried())
         m_listener.Work();
      while(m_listener.Next(reply))
        {
         if(reply.items < 3 || MhReplyText(reply, 0) != "message")
            continue;
         string channel = MhReplyText(reply, 1);
         string prefix = "minutehand:signals:";
         if(StringFind(channel, prefix) != 0 || reply.lengths[2] <= 0)
            continue;
         Hear(reply.data, reply.from[2], reply.lengths[2], StringSubstr(channel, StringLen(prefix)));
        }
     }

   // ---------------------------------------------------------------- fills to Redis

   void              Speak()
     {
      // Connecting may block up to its time limit: one connection per timer event.
      if(!m_settings.useRedis || !m_listener.HasTried())
         m_speaker.Work();
      MhReply reply;
      while(m_speaker.Next(reply))
        {
         if(m_task == MH_TASK_BARS)
            m_pusher.Answered(reply);
         if(m_task == MH_TASK_GET && reply.kind == '$')
           {
            if(reply.items == 1 && reply.lengths[0] > 0 && m_taskPair < ArraySize(m_pairs))
               Hear(reply.data, reply.from[0], reply.lengths[0], m_pairs[m_taskPair]);
            m_taskPair++;
           }
         if(m_task == MH_TASK_FILLS && reply.kind == '-')
           {
            m_error = "minutehand:fills: " + MhReplyText(reply, 0);
            m_fillsAsked = m_fillsSent;
           }
        }
      if(!m_speaker.IsUp())
        {
         m_task = MH_TASK_NONE;
         m_fillsAsked = m_fillsSent;
         return;
        }
      if(m_speaker.Unanswered() > 0)
         return;
      if(m_task == MH_TASK_FILLS && m_fillsAsked > m_fillsSent)
        {
         m_fillsSent = m_fillsAsked;
         MhReplaceFile(m_folder + "\\fills.sent", MhLong(m_fillsSent) + "\n");
        }
      m_task = MH_TASK_NONE;
      // After each subscription, and at intervals: signals published in between.
      bool isFresh = m_listener.IsUp() && m_listener.Connections() != m_listenerSeen;
      if(m_settings.useRedis && (isFresh || GetTickCount64() >= m_keysTick))
        {
         if(m_listener.IsUp())
            m_listenerSeen = m_listener.Connections();
         m_keysTick = GetTickCount64() + MH_KEYS_MS;
         MhRespCommand command;
         for(int k = 0; k < ArraySize(m_pairs); k++)
           {
            command.Begin(2);
            command.Add("GET");
            command.Add("minutehand:signal:" + m_pairs[k]);
           }
         m_taskPair = 0;
         if(m_speaker.Ask(command, ArraySize(m_pairs)))
            m_task = MH_TASK_GET;
         return;
        }
      if(m_settings.fillsToRedis && AskFills())
         return;
      if(m_settings.barsToRedis)
        {
         m_pusher.Work((datetime)(m_clock.NowMs() / 1000), m_speaker);
         if(m_speaker.Unanswered() > 0)
            m_task = MH_TASK_BARS;
        }
     }

   // A crash of Redis may lose lines that it had confirmed (it flushes once a second by default): the last lines are
   // sent again on each new connection. Readers recognize duplicates by signal_id, leg and ticket.
   void              RepeatFills()
     {
      m_fillsConnection = m_speaker.Connections();
      long offset = m_fillsSent > MH_FILLS_REPEATED ? m_fillsSent - MH_FILLS_REPEATED : 0;
      uchar bytes[];
      if(offset > 0 && MhReadPart(ResultName(), offset, MH_FILLS_REPEATED, bytes))
         for(int at = 0; at < ArraySize(bytes); at++)
            if(bytes[at] == '\n')
              {
               offset += at + 1;
               break;
              }
      m_fillsSent = offset;
      m_fillsAsked = offset;
     }

   // Lines of result.json that Redis has not confirmed.
   bool              AskFills()
     {
      uchar bytes[];
      if(m_fillsConnection != m_speaker.Connections())
         RepeatFills();
      if(GetTickCount64() < m_fillsTick)
         return false;
      m_fillsTick = GetTickCount64() + 250;
      if(!MhReadPart(ResultName(), m_fillsSent, MH_FILLS_BYTES, bytes))
         return false;
      int size = ArraySize(bytes);
      int begin = 0;
      int lines = 0;
      MhRespCommand command;
      for(int at = 0; at < size && lines < MH_FILLS_AT_ONCE; at++)
        {
         if(bytes[at] != '\n')
            continue;
         if(at > begin)
           {
            command.Begin(8);
            command.Add("XADD");
            command.Add("minutehand:fills");
            command.Add("MAXLEN");
            command.Add("~");
            command.Add("100000");
            command.Add("*");
            command.Add("fill");
            command.Add(MhText(bytes, begin, at - begin));
            lines++;
           }
         begin = at + 1;
        }
      if(lines == 0)
        {
         m_fillsSent += begin;
         return false;
        }
      m_fillsAsked = m_fillsSent + begin;
      if(!m_speaker.Ask(command, lines))
         return false;
      m_task = MH_TASK_FILLS;
      return true;
     }

   // ---------------------------------------------------------------- kill switch

   string            OwnKillName()
     {
      return (m_folder == "" ? m_settings.folder : m_folder) + "\\KILL";
     }

   void              CheckKill()
     {
      bool was = m_killed;
      m_killed = FileIsExist(m_settings.folder + "\\KILL", FILE_COMMON) || FileIsExist(OwnKillName(), FILE_COMMON);
      if(m_killed && !was)
         Print("minutehand: kill switch: no entries, open pairs are closed");
     }

   string            SymbolsOfPairs()
     {
      string symbols = "";
      for(int k = 0; k < ArraySize(m_pairs); k++)
        {
         string a = "";
         string b = "";
         if(!MhParsePair(m_pairs[k], a, b))
            continue;
         if(!MhIsOneOf(a, symbols))
            symbols += (symbols == "" ? "" : ",") + a;
         if(!MhIsOneOf(b, symbols))
            symbols += "," + b;
        }
      return symbols;
     }

   string            Subscriptions()
     {
      string channels = "";
      for(int k = 0; k < ArraySize(m_pairs); k++)
         channels += (k == 0 ? "" : ",") + "minutehand:signals:" + m_pairs[k];
      return channels;
     }

   bool              Fail(const string why)
     {
      m_error = why;
      Print("minutehand: " + why);
      return false;
     }

   // ---------------------------------------------------------------- start and stop

   // A change of the chart's symbol, timeframe or inputs restarts the same object: all state is reset.
   void              Reset()
     {
      m_task = MH_TASK_NONE;
      m_taskPair = 0;
      m_keysTick = 0;
      m_listenerSeen = -1;
      m_fillsSent = 0;
      m_fillsAsked = 0;
      m_fillsTick = 0;
      m_fillsConnection = -1;
      m_killed = false;
      m_killTick = 0;
      m_lossReached = false;
      m_lossTick = 0;
      m_lossDay = -1;
      m_settledTick = 0;
      m_syncTick = 0;
      m_wasConnected = false;
      m_turnTick = GetTickCount64();
      m_missing = "";
      m_tail = "";
      m_known = ",";
      m_isBegun = false;
      m_beginTick = 0;
      m_login = 0;
      m_firstTicket = 1;
      m_error = "";
      m_refusals = 0;
      m_missed = 0;
      ForgetPairs();
     }

   void              ForgetPairs()
     {
      ArrayResize(m_trades, 0);
      ArrayResize(m_books, 0);
      ArrayResize(m_views, 0);
      ArrayResize(m_tryTick, 0);
      ArrayResize(m_waiting, 0);
      ArrayResize(m_waitsFor, 0);
      int count = ArraySize(m_pairs);
      ArrayResize(m_lastFiles, count);
      ArrayResize(m_blocked, count);
      for(int k = 0; k < count; k++)
        {
         m_lastFiles[k] = "";
         m_blocked[k] = 0;
        }
      m_consumer.Begin(m_settings.otherMarkets ? "live,simulated,replay" : "live", m_settings.maxSkewMs);
     }

   // A list longer than an input (255 characters with its name) is read from a file of the folder: `@pairs.txt`,
   // separated by commas or lines.
   bool              ReadList(string &list)
     {
      if(StringFind(list, "@") == 0)
        {
         uchar bytes[];
         string name = m_settings.folder + "\\" + StringSubstr(list, 1);
         if(!MhReadPart(name, 0, MH_FILE_LIMIT, bytes))
            return Fail("cannot read " + name + " in Common\\Files");
         list = MhText(bytes, 0, ArraySize(bytes));
         StringReplace(list, "\r", "");
         StringReplace(list, "\n", ",");
        }
      StringReplace(list, " ", "");
      while(StringReplace(list, ",,", ",") > 0)
         continue;
      if(StringLen(list) > 0 && StringGetCharacter(list, StringLen(list) - 1) == ',')
         list = MhPart(list, 0, StringLen(list) - 1);
      return true;
     }

   void              WaitToBegin(const string why)
     {
      if(m_lock != INVALID_HANDLE)
         FileClose(m_lock);
      m_lock = INVALID_HANDLE;
      if(m_error != why)
         Fail(why);
      m_beginTick = GetTickCount64() + MH_BEGIN_PAUSE_MS;
     }

   // Locks the folder of the account and reads the state of its pairs; waits while that is not possible: a pair may be
   // open.
   void              Begin()
     {
      m_login = AccountInfoInteger(ACCOUNT_LOGIN);
      if(m_login == 0)
        {
         WaitToBegin("NO_ACCOUNT: the terminal has not logged in");
         return;
        }
      m_folder = m_settings.folder + "\\ea\\" + MhLong(m_login) + (m_settings.paper ? "_paper" : "_trade");
      // Two charts on the same account would trade everything twice.
      m_lock = FileOpen(m_folder + "\\lock", FILE_WRITE | FILE_BIN | FILE_COMMON);
      if(m_lock == INVALID_HANDLE)
        {
         WaitToBegin("LOCKED: another chart or terminal runs with " + m_folder + " (or the folder cannot be written)");
         return;
        }
      m_firstTicket = MhFirstOwnTicket(AccountInfoString(ACCOUNT_SERVER) + " " + MhLong(m_login) + " " + TerminalInfoString(TERMINAL_DATA_PATH) + " " +
                                       MhLong(m_clock.NowMs()) + " " + MhLong((long)GetMicrosecondCount()));
      if(!LoadAll() || !ResultTail(m_tail))
        {
         WaitToBegin("STATE_HELD: another program has files of " + m_folder + " open");
         return;
        }
      ReadKnown();
      for(int i = 0; i < ArraySize(m_trades); i++)
         FlushAfterRestart(i);
      BeginWays();
      m_isBegun = true;
      m_wasConnected = false;
      WatchConnection(GetTickCount64());
      CheckKill();
     }

   // False: a file cannot be read now.
   bool              LoadAll()
     {
      int count = ArraySize(m_pairs);
      ForgetPairs();
      m_error = "";
      string kinds[];
      int kindCount = StringSplit(m_settings.otherMarkets ? "live,simulated,replay" : "live", ',', kinds);
      for(int k = 0; k < count; k++)
        {
         for(int kind = 0; kind < kindCount; kind++)
           {
            int found = Load(kinds[kind], m_pairs[k]);
            if(found == MH_SEAL_HELD)
               return false;
            if(found == MH_SEAL_DAMAGED)
              {
               m_blocked[k] = 1;
               Fail("STATE_DAMAGED: " + StateName(kinds[kind], m_pairs[k]) + " is damaged: close what " + m_pairs[k] + " holds by hand, then delete it");
              }
           }
        }
      return true;
     }

   void              BeginWays()
     {
      uchar sent[];
      m_fillsSent = 0;
      if(MhReadPart(m_folder + "\\fills.sent", 0, 64, sent))
         m_fillsSent = StringToInteger(MhText(sent, 0, ArraySize(sent)));
      if(m_fillsSent > MhFileSize(ResultName()))
         m_fillsSent = 0;
      m_fillsAsked = m_fillsSent;
      m_fillsConnection = -1;
      m_listenerSeen = -1;
      m_keysTick = 0;
      m_task = MH_TASK_NONE;
      m_lossDay = -1;
      m_lossReached = false;
      uint timeout = (uint)m_settings.redisTimeoutMs;
      if(m_settings.useRedis)
         m_listener.Begin(m_settings.redisHost, m_settings.redisPort, m_settings.redisUser, m_settings.redisPassword, m_settings.redisDatabase, timeout,
                          Subscriptions());
      m_speaker.Begin(m_settings.redisHost, m_settings.redisPort, m_settings.redisUser, m_settings.redisPassword, m_settings.redisDatabase, timeout, "");
      m_pusher.Begin(m_settings.barsUrl, m_settings.barsToken, m_settings.barsToRedis, SymbolsOfPairs(), m_settings.symbols, m_settings.suffix,
                     m_settings.dst, m_settings.historyBars);
      m_calendar.Begin(m_settings.news ? m_folder + "\\calendar.json" : "", m_settings.dst);
     }

   void              End()
     {
      if(m_isBegun)
         for(int i = 0; i < ArraySize(m_trades); i++)
            Save(i);
      m_isBegun = false;
      m_beginTick = 0;
      m_listener.End();
      m_speaker.End();
      if(m_lock != INVALID_HANDLE)
         FileClose(m_lock);
      m_lock = INVALID_HANDLE;
     }

   void              WatchConnection(const ulong tick)
     {
      bool isConnected = IsConnected();
      if(!isConnected || !m_wasConnected)
        {
         m_syncTick = tick + MH_CONNECTION_SETTLES_MS;
         m_pusher.Reconnected();
        }
      if(isConnected && !m_wasConnected)
         SelectSymbols();
      m_wasConnected = isConnected;
     }

   // Adds symbols to Market Watch for their prices; reports missing symbols and those whose execution ignores the
   // deviation.
   void              SelectSymbols()
     {
      string names[];
      string missing = "";
      string unlimited = "";
      int count = StringSplit(SymbolsOfPairs(), ',', names);
      for(int k = 0; k < count; k++)
        {
         string symbol = BrokerName(names[k]);
         if(!SymbolSelect(symbol, true))
           {
            missing += " " + symbol;
            continue;
           }
         // Selects the symbol of its conversion rate too.
         MhRate(SymbolInfoString(symbol, SYMBOL_CURRENCY_PROFIT), AccountInfoString(ACCOUNT_CURRENCY), m_settings.suffix);
         if(!m_settings.paper && !MhHasDeviation(symbol))
            unlimited += " " + symbol;
        }
      if(missing + ";" + unlimited == m_missing)
         return;
      m_missing = missing + ";" + unlimited;
      if(missing != "")
         Fail("NO_SYMBOL" + missing + ": not in the terminal; see InpSymbols and InpSuffix");
      if(unlimited != "")
         Print("minutehand: market execution ignores the deviation of an order (InpSlippageBps); InpMaxSpreadBps and InpMaxDriftBps limit it:" + unlimited);
     }

public:
                     MhAgent()
     {
      m_lock = INVALID_HANDLE;
      m_settings.otherMarkets = false;
      m_settings.maxSkewMs = 0;
      Reset();
     }

   // False: it cannot start, and the terminal's journal has the reason. True: it runs, or waits for the account or its
   // folder.
   bool              Start(const MhSettings &settings)
     {
      m_settings = settings;
      Reset();
      if(!(settings.risk > 0) || !(settings.maxLots > 0) || settings.maxOpenPairs < 1 || settings.folder == "")
         return Fail("risk, lots, pairs and folder must be given");
      if(!settings.useFiles && !settings.useRedis)
         return Fail("choose at least one way in: files or Redis");
      if(!settings.paper && settings.otherMarkets)
         return Fail("simulated and replayed markets are for paper mode alone");
      if(!ReadList(m_settings.pairs) || !ReadList(m_settings.symbols))
         return false;
      int count = StringSplit(m_settings.pairs, ',', m_pairs);
      string a = "";
      string b = "";
      for(int k = 0; k < count; k++)
         if(!MhParsePair(m_pairs[k], a, b))
            return Fail("\"" + m_pairs[k] + "\" is not a pair such as XAUUSD_XAGUSD");
      if(count < 1)
         return Fail("no pairs");
      ForgetPairs();
      Begin();
      return true;
     }

   void              Timer()
     {
      ulong tick = GetTickCount64();
      if(tick - m_turnTick >= MH_ASLEEP_MS)
         m_wasConnected = false;
      Turn(tick);
      m_turnTick = GetTickCount64();
     }

   // Does everything that is due.
   void              Turn(const ulong tick)
     {
      // The account changed or logged out: positions belong to the previous one.
      if(m_isBegun && AccountInfoInteger(ACCOUNT_LOGIN) != m_login)
         End();
      if(!m_isBegun && tick >= m_beginTick)
         Begin();
      if(!m_isBegun)
         return;
      WatchConnection(tick);
      if(tick >= m_killTick)
        {
         m_killTick = tick + 250;
         CheckKill();
        }
      if(tick >= m_lossTick)
        {
         m_lossTick = tick + 1000;
         CheckLoss();
        }
      if(m_settings.useFiles)
         ReadFiles();
      if(m_settings.useRedis)
         ReadRedis();
      for(int i = 0; i < ArraySize(m_trades); i++)
        {
         WorkTrade(i);
         Flush(i);
        }
      if(m_settings.useRedis || m_settings.barsToRedis || m_settings.fillsToRedis)
         Speak();
      if(m_pusher.IsOn() && !m_settings.barsToRedis)
         m_pusher.Work((datetime)(m_clock.NowMs() / 1000), m_speaker);
      m_calendar.Work((datetime)(m_clock.NowMs() / 1000));
     }

   void              Stop()
     {
      End();
     }

   // The button of the panel: a file, so that it survives a restart.
   void              SwitchKill()
     {
      if(FileIsExist(OwnKillName(), FILE_COMMON))
         FileDelete(OwnKillName(), FILE_COMMON);
      else
         MhReplaceFile(OwnKillName(), "Delete this file to trade again.\n");
      CheckKill();
     }

   bool              IsKilled()
     {
      return m_killed;
     }

   int               Trades()
     {
      return ArraySize(m_trades);
     }

   int               Stage(const int i)
     {
      return m_trades[i].stage;
     }

   // ---------------------------------------------------------------- panel

   int               PanelLines()
     {
      int unheard = 0;
      for(int k = 0; k < ArraySize(m_pairs); k++)
         if(!HasSignal(m_pairs[k]))
            unheard++;
      return 5 + ArraySize(m_trades) + unheard;
     }

   bool              HasSignal(const string pairId)
     {
      MhMemory memory;
      for(int i = 0; i < ArraySize(m_trades); i++)
        {
         m_consumer.Get(i, memory);
         if(memory.pairId == pairId)
            return true;
        }
      return false;
     }

   // The n-th pair without a signal so far.
   string            Unheard(const int n)
     {
      int rest = n;
      for(int k = 0; k < ArraySize(m_pairs); k++)
         if(!HasSignal(m_pairs[k]))
           {
            if(rest == 0)
               return m_pairs[k] + (m_blocked[k] != 0 ? "  STATE_DAMAGED" : "  no signal");
            rest--;
           }
      return "";
     }

   string            PanelLine(const int line)
     {
      if(line == 0)
         return "minutehand  " + AccountName() + (m_settings.otherMarkets ? "  also simulated markets" : "") + (m_killed ? "  KILLED" : "") +
                (m_lossReached ? "  DAILY LOSS" : "");
      if(line == 1)
         return "in: " + (m_settings.useFiles ? "files " : "") +
                (m_settings.useRedis ? (m_listener.IsUp() ? "Redis up" : "Redis down: " + m_listener.Error()) : "");
      if(line == 2)
         return (m_pusher.IsOn() ? "bars out: " + MhLong(m_pusher.Sent()) + " " + m_pusher.Error() : "bars out: off") + (m_calendar.IsOn() ? " news out: " + m_calendar.State() : "");
      double equity = 0;
      if(line == 3)
         return "equity " + (Equity(equity) ? MhNumber(equity, 2) : "unknown") + "  open " + MhLong(OpenPairs()) + "  refused " + MhLong(m_refusals) + "  missed " + MhLong(m_missed);
      if(line == 4)
         return "last error: " + (m_error == "" ? "none" : m_error);
      int i = line - 5;
      if(i >= ArraySize(m_trades))
         return Unheard(i - ArraySize(m_trades));
      MhMemory memory;
      m_consumer.Get(i, memory);
      long ageMs = m_clock.NowMs() - m_views[i].generatedMs;
      string age = m_views[i].generatedMs == 0 ? "no signal" : MhNumber((double)ageMs / 1000, 0) + " s" + (m_clock.NowMs() > m_views[i].validUntilMs ? " SILENT" : "");
      double floating = 0;
      bool isPriced = Floating(i, floating);
      string position = m_trades[i].stage == MH_FLAT ? (m_waitsFor[i] == "" ? "flat" : "waits for " + m_waitsFor[i])
                        : (m_trades[i].stage == MH_OPENING ? "opening" : (m_trades[i].stage == MH_CLOSING ? "closing" : "open")) +
                        (m_trades[i].legs[0].side > 0 ? " long " : " short ") + (isPriced ? MhNumber(floating, 2) : "no price");
      return memory.pairId + (memory.market == "live" ? "" : " (" + memory.market + ")") + "  " + m_views[i].mode + " " + m_views[i].reason + "  age " + age +
             "  latency " + MhLong(m_views[i].latencyMs) + " ms  z " + MhNumber(m_views[i].z, 2) + "  p " + MhNumber(m_views[i].returnProb, 2) +
             "  risk " + MhNumber(m_views[i].riskScore, 2) + "  " + position + (m_views[i].refusal == "" ? "" : "  " + m_views[i].refusal);
     }
  };

#endif
