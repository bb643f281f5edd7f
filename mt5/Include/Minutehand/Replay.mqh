//+------------------------------------------------------------------+
//| In the strategy tester: trades a file of `minutehand ea          |
//| export-signals` at the tester's own ticks, spreads and fills.    |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_REPLAY_MQH
#define MINUTEHAND_REPLAY_MQH

#include "Broker.mqh"
#include "Clock.mqh"
#include "Files.mqh"
#include "Signal.mqh"

#define MH_REPLAY_SCHEMA "minutehand.tester/1"
#define MH_REPLAY_COLUMNS "time,fill_time,order,trade,pair_id,target,beta,position_scale,price_a,price_b,reason"
#define MH_REPLAY_FIELDS 11
// A row has 150 bytes: 200,000 trades.
#define MH_REPLAY_LIMIT 67108864
// As a live signal: an entry is valid for a bar and one and a half minutes.
#define MH_REPLAY_VALID_S 90
// The second leg may follow the first one by some seconds.
#define MH_REPLAY_SECOND_LEG_S 5
#define MH_REPLAY_FILLS_HEADER "time,trade,pair_id,kind,leg,symbol,side,lots,price,backtest_price,worse_bps,reason\n"

struct MhReplaySettings
  {
   string            file;
   // The server's offset from UTC in winter, seconds.
   int               winterOffset;
   MhDst             dst;
   string            symbols;
   string            suffix;
   long              magic;
   double            risk;
   double            maxLots;
   double            maxHedgeError;
   double            maxSpreadBps;
   double            maxDriftBps;
   double            slippageBps;
   int               maxOpenPairs;
   double            dailyLossPercent;
   double            stopPercent;
   bool              writesFills;
  };

// A row of the file: an order that is due at the close of its bar.
struct MhReplayRow
  {
   // UTC, seconds: the close of the bar, and the open at which the backtest filled it.
   long              time;
   long              fillTime;
   bool              opens;
   string            trade;
   string            pairId;
   string            symbolA;
   string            symbolB;
   int               target;
   double            beta;
   double            scale;
   double            priceA;
   double            priceB;
   string            reason;
  };

// A position that is being opened, is open, or is being closed.
struct MhReplayTrade
  {
   // Index of the row that opens the position, and of the row that closes it; -1 when a limit of the advisor closes it.
   int               opening;
   int               closing;
   bool              isClosing;
   string            reason;
   double            wantedA;
   double            wantedB;
   double            lotsA;
   double            lotsB;
   double            priceA;
   double            priceB;
   ulong             positionA;
   ulong             positionB;
  };

class MhReplay
  {
private:
   MhReplaySettings  m_settings;
   MhReplayRow       m_rows[];
   int               m_next;
   MhReplayTrade     m_trades[];
   string            m_error;
   int               m_opened;
   int               m_closed;
   string            m_refused;
   int               m_refusals;
   // Sum over filled legs of how much worse the price was than the backtest's, and their number.
   double            m_worseBps;
   int               m_legs;
   long              m_day;
   double            m_dayEquity;
   bool              m_lossReached;

   // ---------------------------------------------------------------- the file

   bool              Bad(const string what)
     {
      m_error = m_settings.file + ": " + what;
      return false;
     }

   bool              ReadRow(const string line, MhReplayRow &row)
     {
      string cells[];
      if(StringSplit(line, ',', cells) != MH_REPLAY_FIELDS)
         return false;
      row.time = StringToInteger(cells[0]);
      row.fillTime = StringToInteger(cells[1]);
      row.opens = cells[2] == "OPEN";
      row.trade = cells[3];
      row.pairId = cells[4];
      row.target = (int)StringToInteger(cells[5]);
      row.beta = StringToDouble(cells[6]);
      row.scale = StringToDouble(cells[7]);
      row.priceA = StringToDouble(cells[8]);
      row.priceB = StringToDouble(cells[9]);
      row.reason = cells[10];
      bool isOrder = row.opens || cells[2] == "CLOSE";
      bool isSide = row.target == 1 || row.target == -1;
      bool isPriced = MhIsPrice(row.priceA) && MhIsPrice(row.priceB);
      return isOrder && isSide && isPriced && row.time > 0 && MhIsHex(row.trade, 32) && MhParsePair(row.pairId, row.symbolA, row.symbolB);
     }

   // Reads the whole file before the first order: a damaged one trades nothing.
   bool              Read()
     {
      uchar bytes[];
      if(!FileIsExist(m_settings.file, FILE_COMMON))
         return Bad("not found in Common\\Files; `minutehand ea export-signals` writes it");
      if(!MhReadPart(m_settings.file, 0, MH_REPLAY_LIMIT, bytes))
         return Bad("cannot be read, error " + MhLong(GetLastError()));
      // `crc32,00000000` and a newline.
      int sealed = ArraySize(bytes) - 15;
      if(sealed < 0 || MhText(bytes, sealed, 15) != "crc32," + MhHex8(MhCrc32(bytes, 0, sealed)) + "\n")
         return Bad("incomplete or changed: its checksum differs");
      string lines[];
      int count = StringSplit(MhText(bytes, 0, sealed), '\n', lines);
      if(count < 2 || StringFind(lines[0], MH_REPLAY_SCHEMA + ",") != 0 || lines[1] != MH_REPLAY_COLUMNS)
         return Bad("is no " + MH_REPLAY_SCHEMA);
      // The last line ends with a newline, so that the last part is empty.
      ArrayResize(m_rows, count - 3);
      for(int k = 2; k < count - 1; k++)
        {
         if(!ReadRow(lines[k], m_rows[k - 2]))
            return Bad("line " + MhLong(k + 1) + " is no order");
         if(k > 2 && m_rows[k - 2].time < m_rows[k - 3].time)
            return Bad("line " + MhLong(k + 1) + " is earlier than the one before");
        }
      Print("minutehand: ", lines[0], ", ", ArraySize(m_rows), " orders");
      return true;
     }

   string            BrokerName(const string symbol)
     {
      return MhBrokerSymbol(symbol, m_settings.symbols, m_settings.suffix);
     }

   // The tester loads the history of a symbol when it is selected.
   bool              SelectSymbols()
     {
      for(int k = 0; k < ArraySize(m_rows); k++)
        {
         if(!SymbolSelect(BrokerName(m_rows[k].symbolA), true))
            return Bad("the tester has no symbol " + BrokerName(m_rows[k].symbolA) + " (InpSymbols, InpSuffix)");
         if(!SymbolSelect(BrokerName(m_rows[k].symbolB), true))
            return Bad("the tester has no symbol " + BrokerName(m_rows[k].symbolB) + " (InpSymbols, InpSuffix)");
        }
      return true;
     }

   // ---------------------------------------------------------------- time and money

   // In the tester every clock is the server's.
   long              Now()
     {
      return (long)MhUtcOf(m_settings.dst, m_settings.winterOffset, TimeTradeServer());
     }

   // The loss limit of a UTC day; once reached, nothing is entered until the next one.
   void              CheckLoss(const long now)
     {
      double equity = AccountInfoDouble(ACCOUNT_EQUITY);
      if(now / 86400 != m_day)
        {
         m_day = now / 86400;
         m_dayEquity = equity;
         m_lossReached = false;
        }
      if(m_settings.dailyLossPercent > 0 && equity - m_dayEquity <= -m_dayEquity * m_settings.dailyLossPercent / 100)
         m_lossReached = true;
     }

   // Floating profit of a pair; 0 while a leg has no price.
   double            Floating(const MhReplayTrade &trade)
     {
      MhReplayRow row = m_rows[trade.opening];
      MhLotSpec a;
      MhLotSpec b;
      if(!MhLotSpecOf(BrokerName(row.symbolA), m_settings.suffix, a) || !MhLotSpecOf(BrokerName(row.symbolB), m_settings.suffix, b))
         return 0;
      int sideB = SideB(row);
      double closeA = SymbolInfoDouble(BrokerName(row.symbolA), row.target > 0 ? SYMBOL_BID : SYMBOL_ASK);
      double closeB = SymbolInfoDouble(BrokerName(row.symbolB), sideB > 0 ? SYMBOL_BID : SYMBOL_ASK);
      return row.target * (closeA - trade.priceA) * trade.lotsA * a.contract * a.rate +
             sideB * (closeB - trade.priceB) * trade.lotsB * b.contract * b.rate;
     }

   int               SideB(const MhReplayRow &row)
     {
      return row.beta < 0 ? row.target : -row.target;
     }

   // ---------------------------------------------------------------- entries

   void              Refuse(const MhReplayRow &row, const string why)
     {
      m_refusals++;
      int end = StringFind(why, " ");
      m_refused += (m_refused == "" ? "" : ", ") + row.pairId + " " + (end > 0 ? MhPart(why, 0, end) : why);
      // The tester's journal has every refusal; the summary only the last ones.
      if(StringLen(m_refused) > 200)
         m_refused = MhPart(m_refused, StringLen(m_refused) - 200, 200);
      Print("minutehand: refused ", row.pairId, " ", row.trade, ": ", why);
     }

   string            CapOfLeg(const string symbol, const double expected)
     {
      double bid = SymbolInfoDouble(symbol, SYMBOL_BID);
      double ask = SymbolInfoDouble(symbol, SYMBOL_ASK);
      if(!(bid > 0) || !(ask > 0))
         return "NO_PRICE " + symbol;
      double spreadBps = (ask - bid) / bid * 10000;
      if(spreadBps > m_settings.maxSpreadBps)
         return "CAP_SPREAD " + symbol + " " + MhNumber(spreadBps, 2) + " bps";
      double driftBps = MathAbs((bid + ask) / 2 / expected - 1) * 10000;
      if(driftBps > m_settings.maxDriftBps)
         return "CAP_DRIFT " + symbol + " " + MhNumber(driftBps, 2) + " bps from the backtest's price";
      return "";
     }

   // Why this entry is not made; empty when it is, with the sizes.
   string            Plan(const MhReplayRow &row, MhSizes &sizes)
     {
      if(m_lossReached)
         return "DAILY_LOSS";
      if(ArraySize(m_trades) >= m_settings.maxOpenPairs)
         return "CAP_OPEN_PAIRS";
      string cap = CapOfLeg(BrokerName(row.symbolA), row.priceA);
      if(cap == "")
         cap = CapOfLeg(BrokerName(row.symbolB), row.priceB);
      if(cap != "")
         return cap;
      MhLotSpec a;
      MhLotSpec b;
      if(!MhLotSpecOf(BrokerName(row.symbolA), m_settings.suffix, a) || !MhLotSpecOf(BrokerName(row.symbolB), m_settings.suffix, b))
         return "SIZE_UNKNOWN no price or rate";
      MhSize(AccountInfoDouble(ACCOUNT_EQUITY), m_settings.risk, row.scale, row.beta, m_settings.maxLots, m_settings.maxHedgeError, a, b, sizes);
      return sizes.refusal;
     }

   void              Take(const int index, const long now)
     {
      MhReplayRow row = m_rows[index];
      if(!row.opens)
        {
         for(int k = 0; k < ArraySize(m_trades); k++)
            if(m_rows[m_trades[k].opening].trade == row.trade && !m_trades[k].isClosing)
              {
               m_trades[k].closing = index;
               BeginClose(k, row.reason);
              }
         return;
        }
      if(now > ValidUntil(row))
        {
         Refuse(row, "EXPIRED");
         return;
        }
      MhSizes sizes;
      string why = Plan(row, sizes);
      if(why != "")
        {
         Refuse(row, why);
         return;
        }
      int at = ArraySize(m_trades);
      ArrayResize(m_trades, at + 1);
      m_trades[at].opening = index;
      m_trades[at].closing = -1;
      m_trades[at].isClosing = false;
      m_trades[at].reason = "";
      m_trades[at].wantedA = sizes.lotsA;
      m_trades[at].wantedB = sizes.lotsB;
      m_trades[at].lotsA = 0;
      m_trades[at].lotsB = 0;
      m_trades[at].priceA = 0;
      m_trades[at].priceB = 0;
      m_trades[at].positionA = 0;
      m_trades[at].positionB = 0;
     }

   long              ValidUntil(const MhReplayRow &row)
     {
      return row.time + MhBarMinutes(row.pairId) * 60 + MH_REPLAY_VALID_S;
     }

   // ---------------------------------------------------------------- orders

   void              WriteFill(const int k, const bool opens, const string leg, const string symbol, const int side, const MhExecution &done)
     {
      MhReplayRow row = m_rows[opens || m_trades[k].closing < 0 ? m_trades[k].opening : m_trades[k].closing];
      // The advisor's own stop has no counterpart in the backtest.
      bool isOfBacktest = opens || m_trades[k].closing >= 0;
      double expected = leg == "A" ? row.priceA : row.priceB;
      double worseBps = side * (done.price / expected - 1) * 10000;
      if(isOfBacktest)
        {
         m_worseBps += worseBps;
         m_legs++;
        }
      if(!m_settings.writesFills)
         return;
      string line = MhLong(Now()) + "," + row.trade + "," + row.pairId + "," + (opens ? "open" : "close") + "," + leg + "," + symbol + "," +
                    (side > 0 ? "BUY" : "SELL") + "," + MhNumber(done.lots, 8) + "," + MhNumber(done.price, 10) + "," +
                    (isOfBacktest ? MhNumber(expected, 10) : "") + "," + (isOfBacktest ? MhNumber(worseBps, 4) : "") + "," +
                    (opens ? row.reason : m_trades[k].reason) + "\n";
      MhAppendFile(FillsName(), line);
     }

   // Sends one leg's order; false when it was not filled. @param later whether it may be sent again
   bool              Send(const int k, const bool opens, const bool isA, bool &later)
     {
      MhReplayRow row = m_rows[m_trades[k].opening];
      string symbol = BrokerName(isA ? row.symbolA : row.symbolB);
      int held = isA ? row.target : SideB(row);
      int side = opens ? held : -held;
      double lots = 0;
      if(opens)
         lots = isA ? m_trades[k].wantedA : m_trades[k].wantedB;
      else
         lots = isA ? m_trades[k].lotsA : m_trades[k].lotsB;
      ulong position = 0;
      if(!opens && MhIsHedging())
        {
         position = MhPositionTicket(isA ? m_trades[k].positionA : m_trades[k].positionB);
         // Stopped out by the tester: nothing is left of it.
         if(position == 0)
           {
            SetLeg(k, isA, 0, 0, 0);
            return true;
           }
        }
      MhExecution done;
      string comment = "mh" + (isA ? "A" : "B") + (opens ? "o" : "c") + StringSubstr(row.trade, 8, 24);
      MhSendOrder(symbol, side, lots, position, comment, m_settings.magic, m_settings.slippageBps, done);
      later = done.outcome == MH_ORDER_LATER;
      if(done.outcome != MH_ORDER_DONE)
        {
         m_error = symbol + " " + done.error;
         return false;
        }
      WriteFill(k, opens, isA ? "A" : "B", symbol, side, done);
      if(opens)
         SetLeg(k, isA, done.lots, done.price, done.position);
      else
         SetLeg(k, isA, NormalizeDouble((isA ? m_trades[k].lotsA : m_trades[k].lotsB) - done.lots, 8), 0, isA ? m_trades[k].positionA : m_trades[k].positionB);
      return true;
     }

   void              SetLeg(const int k, const bool isA, const double lots, const double price, const ulong position)
     {
      if(isA)
        {
         m_trades[k].lotsA = lots;
         m_trades[k].priceA = price;
         m_trades[k].positionA = position;
         return;
        }
      m_trades[k].lotsB = lots;
      m_trades[k].priceB = price;
      m_trades[k].positionB = position;
     }

   void              BeginClose(const int k, const string reason)
     {
      m_trades[k].isClosing = true;
      m_trades[k].reason = reason;
     }

   bool              IsWhole(const int k)
     {
      return m_trades[k].lotsA > 0 && m_trades[k].lotsB > 0;
     }

   // Both legs, or none: a leg that stays alone is closed.
   void              WorkOpening(const int k, const long now)
     {
      MhReplayRow row = m_rows[m_trades[k].opening];
      for(int leg = 0; leg < 2; leg++)
        {
         bool isA = leg == 0;
         if((isA ? m_trades[k].lotsA : m_trades[k].lotsB) > 0)
            continue;
         long lateS = isA ? 0 : MH_REPLAY_SECOND_LEG_S;
         bool later = false;
         bool isFilled = now <= ValidUntil(row) + lateS && Send(k, true, isA, later);
         if(isFilled)
            continue;
         if(later)
            return;
         Refuse(row, now > ValidUntil(row) + lateS ? "EXPIRED" : "LEG_FAILED " + m_error);
         BeginClose(k, "LEG_FAILED");
         return;
        }
      m_opened++;
     }

   void              WorkClosing(const int k)
     {
      bool later = false;
      bool hadBoth = IsWhole(k);
      if(m_trades[k].lotsA > 0)
         Send(k, false, true, later);
      if(m_trades[k].lotsB > 0)
         Send(k, false, false, later);
      if(hadBoth && m_trades[k].lotsA <= 0 && m_trades[k].lotsB <= 0)
         m_closed++;
     }

   void              Work(const int k, const long now)
     {
      if(!m_trades[k].isClosing && !IsWhole(k))
         WorkOpening(k, now);
      else
         if(!m_trades[k].isClosing)
            WorkStops(k);
      if(m_trades[k].isClosing)
         WorkClosing(k);
     }

   // The trader's own limits, which no signal can exceed.
   void              WorkStops(const int k)
     {
      if(m_lossReached)
         BeginClose(k, "DAILY_LOSS");
      else
         if(m_settings.stopPercent > 0 && Floating(m_trades[k]) <= -AccountInfoDouble(ACCOUNT_EQUITY) * m_settings.stopPercent / 100)
            BeginClose(k, "OWN_STOP");
     }

   void              DropEnded()
     {
      int kept = 0;
      for(int k = 0; k < ArraySize(m_trades); k++)
        {
         bool isEnded = m_trades[k].isClosing && m_trades[k].lotsA <= 0 && m_trades[k].lotsB <= 0;
         if(isEnded)
            continue;
         m_trades[kept] = m_trades[k];
         kept++;
        }
      ArrayResize(m_trades, kept);
     }

public:
                     MhReplay()
     {
      m_next = 0;
      m_error = "";
      m_opened = 0;
      m_closed = 0;
      m_refused = "";
      m_refusals = 0;
      m_worseBps = 0;
      m_legs = 0;
      m_day = -1;
      m_dayEquity = 0;
      m_lossReached = false;
     }

   // False: nothing is traded; Error says why.
   bool              Start(const MhReplaySettings &settings)
     {
      m_settings = settings;
      if(!Read() || !SelectSymbols())
        {
         Print("minutehand: ", m_error);
         return false;
        }
      return !m_settings.writesFills || MhReplaceFile(FillsName(), MH_REPLAY_FILLS_HEADER);
     }

   // Beside the file of signals.
   string            FillsName()
     {
      return m_settings.file + ".fills.csv";
     }

   // At every tick and timer event: executes what is due. Closes go before entries of the same bar.
   void              Turn()
     {
      long now = Now();
      CheckLoss(now);
      while(m_next < ArraySize(m_rows) && m_rows[m_next].time <= now)
        {
         bool opens = m_rows[m_next].opens;
         // A closed pair makes room for the next one.
         if(opens)
            WorkAll(now);
         Take(m_next, now);
         m_next++;
        }
      WorkAll(now);
     }

   void              WorkAll(const long now)
     {
      for(int k = 0; k < ArraySize(m_trades); k++)
         Work(k, now);
      DropEnded();
     }

   int               OpenPairs()
     {
      return ArraySize(m_trades);
     }

   string            Error()
     {
      return m_error;
     }

   // One line for the journal of the tester.
   string            Summary()
     {
      string text = MhLong(m_opened) + " trades opened, " + MhLong(m_closed) + " closed, " + MhLong(m_refusals) + " refused";
      if(m_refusals > 0)
         text += " (the last: " + m_refused + ")";
      if(ArraySize(m_rows) - m_next > 0)
         text += "; " + MhLong(ArraySize(m_rows) - m_next) + " orders are after the tested period";
      if(m_legs > 0)
         text += "; a leg was filled " + MhNumber(m_worseBps / m_legs, 3) + " bps worse than in the backtest without costs";
      return text;
     }
  };

#endif
