//+------------------------------------------------------------------+
//| Closed one-minute bars of the terminal in the daemon's format.   |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_BARFEED_MQH
#define MINUTEHAND_BARFEED_MQH

#include "Broker.mqh"
#include "Clock.mqh"
#include "FlatJson.mqh"

// The last tick of a minute may arrive slightly after its end.
#define MH_SETTLE_SECONDS 1
// Older minutes are history: they update the daemon's features and publish nothing.
#define MH_LIVE_SECONDS 120
// A request with history must fit a slow connection: about 30 KB.
#define MH_WINDOW_LINES 120
// After reconnecting, the terminal first fills its charts: a minute that seems empty then may not be.
#define MH_CALM_MS 10000
// How long after that the symbols with charts wait for the others ...
#define MH_CHARTS_MS 30000
// ... and how long after each minute.
#define MH_CHART_SECONDS 5
#define MH_RETRY_MS 500
// Without any tick a minute is over when the PC's clock is this far past its end.
#define MH_PC_MARGIN_SECONDS 15
// A chart without a bar this far back starts later.
#define MH_FIRST_BAR_MS 60000

struct MhFeedSymbol
  {
   string            symbol;
   string            broker;
   // Open of the next minute to be sent, UTC; 0 when not known yet.
   datetime          next;
   // Whether its chart covers `next` and later, and since when it does not.
   bool              isReady;
   ulong             waitsTick;
  };

// Minutes to be sent and then confirmed.
struct MhMinutes
  {
   // One JSON object per minute and symbol.
   string            lines[];
   int               count;
   bool              isHistory;
   // Next minutes once these are confirmed, and their symbols (indexes).
   datetime          next;
   int               symbols[];
  };

// `2026-11-20T08:26:00.000Z` as UTC seconds; 0 when it is none.
datetime MhParseIso(const string text)
  {
   if(StringLen(text) < 19)
      return 0;
   MqlDateTime parts = {};
   TimeToStruct((datetime)0, parts);
   parts.year = (int)StringToInteger(StringSubstr(text, 0, 4));
   parts.mon = (int)StringToInteger(StringSubstr(text, 5, 2));
   parts.day = (int)StringToInteger(StringSubstr(text, 8, 2));
   parts.hour = (int)StringToInteger(StringSubstr(text, 11, 2));
   parts.min = (int)StringToInteger(StringSubstr(text, 14, 2));
   parts.sec = (int)StringToInteger(StringSubstr(text, 17, 2));
   return StructToTime(parts);
  }

string MhBarJson(const string symbol, const datetime utc, const MqlRates &bar, const double point, const int digits)
  {
   double volume = bar.real_volume > 0 ? (double)bar.real_volume : (double)bar.tick_volume;
   string line = "{\"symbol\":" + MhQuote(symbol) + MhLongField("time", (long)utc * 1000) + MhNumberField("open", bar.open, digits) +
                 MhNumberField("high", bar.high, digits) + MhNumberField("low", bar.low, digits) + MhNumberField("close", bar.close, digits) +
                 MhNumberField("volume", volume, 2);
   if(bar.spread > 0)
      line += MhNumberField("spread", (double)bar.spread * point, digits);
   return line + "}";
  }

string MhEmptyJson(const string symbol, const datetime utc)
  {
   return "{\"symbol\":" + MhQuote(symbol) + MhLongField("time", (long)utc * 1000) + ",\"empty\":true}";
  }

class MhBarFeed
  {
private:
   MhFeedSymbol      m_symbols[];
   MhDst             m_dst;
   int               m_historyBars;
   ulong             m_connectedTick;
   bool              m_wasConnected;
   ulong             m_retryTick;
   int               m_winterOffset;
   string            m_error;

   datetime          ServerTime(const datetime utc)
     {
      return MhServerTime(m_dst, m_winterOffset, utc);
     }

   // Bars of [from, to] of one symbol; false when the terminal does not have them yet.
   //
   // CopyRates fails for an interval past the newest bar, and returns a part while the history loads. So more is
   // requested, and the result is used only when it reaches back to `from`: then a minute without a bar is one without
   // a tick.
   bool              Rates(const int index, const datetime from, const datetime to, MqlRates &rates[])
     {
      string broker = m_symbols[index].broker;
      if(!SymbolSelect(broker, true))
         return false;
      datetime first = ServerTime(from);
      datetime last = ServerTime(to);
      int widths[3] = {3600, 345600, 1209600};
      for(int attempt = 0; attempt < 3; attempt++)
        {
         int count = CopyRates(broker, PERIOD_M1, (datetime)((long)first - widths[attempt]), (datetime)(last + 86400), rates);
         // CopyRates has requested the history by now.
         if(SeriesInfoInteger(broker, PERIOD_M1, SERIES_SYNCHRONIZED) == 0)
            return false;
         if(count > 0 && rates[0].time <= first)
            return true;
        }
      return false;
     }

   // The terminal has no bars this far back and gets none: starts with its first one.
   void              SkipMissingHistory(const int index)
     {
      ulong tick = GetTickCount64();
      if(m_symbols[index].waitsTick == 0)
         m_symbols[index].waitsTick = tick;
      string broker = m_symbols[index].broker;
      if(SeriesInfoInteger(broker, PERIOD_M1, SERIES_SYNCHRONIZED) == 0)
         return;
      // The server's first date is final; the terminal's may still change.
      datetime first = (datetime)SeriesInfoInteger(broker, PERIOD_M1, SERIES_SERVER_FIRSTDATE);
      if(first <= ServerTime(m_symbols[index].next) && tick - m_symbols[index].waitsTick >= MH_FIRST_BAR_MS)
         first = (datetime)SeriesInfoInteger(broker, PERIOD_M1, SERIES_FIRSTDATE);
      if(first == 0)
         return;
      datetime utc = MhUtcOf(m_dst, m_winterOffset, first);
      if(utc > m_symbols[index].next)
         m_symbols[index].next = utc;
     }

   // The newest finished minute: by the time of the last tick of any symbol, by the PC's clock only when no symbol
   // ticks.
   datetime          LastClosed(const datetime utcNow)
     {
      datetime tick = TimeCurrent();
      // There may be none.
      datetime ticked = tick > 86400 ? MhUtcOf(m_dst, m_winterOffset, tick) : (datetime)0;
      datetime settled = (datetime)(utcNow - MH_PC_MARGIN_SECONDS);
      if(ticked > settled + MH_SETTLE_SECONDS)
         settled = (datetime)(ticked - MH_SETTLE_SECONDS);
      return (datetime)(settled - settled % 60 - 60);
     }

   // Which charts are complete. False when some are not and may still become so.
   bool              CheckCharts(const datetime utcNow, const datetime last)
     {
      bool isComplete = true;
      for(int k = 0; k < ArraySize(m_symbols); k++)
        {
         MqlRates rates[];
         m_symbols[k].isReady = m_symbols[k].next <= last && Rates(k, m_symbols[k].next, last, rates);
         if(m_symbols[k].isReady)
            m_symbols[k].waitsTick = 0;
         if(m_symbols[k].isReady || m_symbols[k].next > last)
            continue;
         isComplete = false;
         SkipMissingHistory(k);
        }
      if(isComplete)
         return true;
      ulong tick = GetTickCount64();
      m_retryTick = tick + MH_RETRY_MS;
      bool isFresh = tick - m_connectedTick < MH_CHARTS_MS;
      return !isFresh && utcNow >= last + 60 + MH_CHART_SECONDS;
     }

   // Copies the bars of [from, to] of all complete charts into `cells`, by minute and symbol; false when one is no
   // longer complete.
   bool              ReadCells(const datetime from, const datetime to, string &cells[], int &traded[])
     {
      int symbols = ArraySize(m_symbols);
      int span = (int)((to - from) / 60) + 1;
      ArrayResize(cells, span * symbols);
      ArrayResize(traded, span);
      for(int minute = 0; minute < span; minute++)
         traded[minute] = 0;
      for(int cell = 0; cell < span * symbols; cell++)
         cells[cell] = "";
      for(int k = 0; k < symbols; k++)
        {
         MqlRates rates[];
         // Symbols that are ahead show whether a minute had any tick.
         bool isDue = m_symbols[k].isReady && m_symbols[k].next <= to;
         if(!Rates(k, isDue && m_symbols[k].next > from ? m_symbols[k].next : from, to, rates))
           {
            if(isDue)
               return false;
            continue;
           }
         double point = SymbolInfoDouble(m_symbols[k].broker, SYMBOL_POINT);
         int digits = (int)SymbolInfoInteger(m_symbols[k].broker, SYMBOL_DIGITS);
         for(int bar = 0; bar < ArraySize(rates); bar++)
           {
            datetime utc = MhUtcOf(m_dst, m_winterOffset, rates[bar].time);
            if(utc < from || utc > to)
               continue;
            int minute = (int)((utc - from) / 60);
            cells[minute * symbols + k] = MhBarJson(m_symbols[k].symbol, utc, rates[bar], point, digits);
            traded[minute] = traded[minute] + 1;
           }
        }
      return true;
     }

   void              AddLine(MhMinutes &minutes, const string line)
     {
      ArrayResize(minutes.lines, minutes.count + 1, 256);
      minutes.lines[minutes.count] = line;
      minutes.count++;
     }

   // Fills `minutes` from [from, last]; history and new minutes are never mixed.
   bool              Fill(const datetime from, const datetime last, MhMinutes &minutes)
     {
      int symbols = ArraySize(m_symbols);
      datetime firstLive = (datetime)(last - MH_LIVE_SECONDS + 60);
      minutes.isHistory = from < firstLive;
      int window = symbols < MH_WINDOW_LINES ? MH_WINDOW_LINES / symbols : 1;
      datetime to = minutes.isHistory ? (datetime)(firstLive - 60) : last;
      datetime most = (datetime)((long)from + (window - 1) * 60);
      if(to > most)
         to = most;
      string cells[];
      int traded[];
      if(!ReadCells(from, to, cells, traded))
         return false;
      for(int minute = 0; minute < ArraySize(traded); minute++)
        {
         datetime utc = (datetime)((long)from + minute * 60);
         for(int k = 0; k < symbols; k++)
           {
            if(traded[minute] == 0 || utc < m_symbols[k].next || !m_symbols[k].isReady)
               continue;
            string line = cells[minute * symbols + k];
            AddLine(minutes, line == "" ? MhEmptyJson(m_symbols[k].symbol, utc) : line);
           }
        }
      for(int k = 0; k < symbols; k++)
         if(m_symbols[k].isReady)
           {
            int count = ArraySize(minutes.symbols);
            ArrayResize(minutes.symbols, count + 1, 16);
            minutes.symbols[count] = k;
           }
      minutes.next = (datetime)(to + 60);
      if(minutes.count == 0)
         Confirm(minutes);
      return minutes.count > 0;
     }

public:
                     MhBarFeed()
     {
      Begin("", "", "", MH_DST_US, 0);
     }

   // @param symbols as the daemon names them, separated by commas
   void              Begin(const string symbols, const string list, const string suffix, const MhDst dst, const int historyBars)
     {
      string names[];
      int count = StringSplit(symbols, ',', names);
      ArrayResize(m_symbols, count);
      for(int k = 0; k < count; k++)
        {
         m_symbols[k].symbol = names[k];
         m_symbols[k].broker = MhBrokerSymbol(names[k], list, suffix);
         m_symbols[k].next = 0;
         m_symbols[k].isReady = false;
         m_symbols[k].waitsTick = 0;
        }
      m_dst = dst;
      m_historyBars = historyBars;
      m_connectedTick = 0;
      m_wasConnected = false;
      m_retryTick = 0;
      m_winterOffset = 0;
      m_error = "";
     }

   void              Reconnected()
     {
      m_wasConnected = false;
     }

   // Why there is nothing to send; empty without an error.
   string            Error()
     {
      return m_error;
     }

   // Resumes after `lastBars` as the daemon reports them, {"EURUSD":"2026-11-20T08:25:00.000Z",...}; empty starts with
   // the history.
   void              Resume(const string lastBars, const datetime utcNow)
     {
      MhJson json;
      bool isKnown = lastBars != "" && json.Parse(lastBars);
      datetime first = (datetime)((long)(utcNow - utcNow % 60) - (long)m_historyBars * 60);
      for(int k = 0; k < ArraySize(m_symbols); k++)
        {
         datetime last = isKnown ? MhParseIso(json.GetText(m_symbols[k].symbol, "")) : (datetime)0;
         m_symbols[k].next = last + 60 > first ? (datetime)(last + 60) : first;
         m_symbols[k].waitsTick = 0;
        }
     }

   // The next closed minutes, oldest first, about 30 KB at most. In a minute in which only some symbols traded the
   // others are `empty`; a minute in which none traded (weekend) is skipped. A symbol whose chart is incomplete is left
   // out and continues later from its last minute. False when there is nothing to send now.
   bool              Collect(const datetime utcNow, MhMinutes &minutes)
     {
      minutes.count = 0;
      ArrayResize(minutes.lines, 0);
      ArrayResize(minutes.symbols, 0);
      ulong tick = GetTickCount64();
      bool isConnected = TerminalInfoInteger(TERMINAL_CONNECTED) != 0;
      if(isConnected && !m_wasConnected)
         m_connectedTick = tick;
      m_wasConnected = isConnected;
      int symbols = ArraySize(m_symbols);
      if(!isConnected || symbols == 0 || tick < m_retryTick || tick - m_connectedTick < MH_CALM_MS)
         return false;
      m_error = MhIsServerTime(TimeTradeServer(), utcNow) ? "" : "the server's time is not known";
      if(m_error != "")
         return false;
      m_winterOffset = MhWinterOffset(m_dst, TimeTradeServer(), utcNow);
      datetime last = LastClosed(utcNow);
      if(Next() > last || !CheckCharts(utcNow, last))
         return false;
      datetime from = (datetime)(last + 60);
      for(int k = 0; k < symbols; k++)
         if(m_symbols[k].isReady && m_symbols[k].next < from)
            from = m_symbols[k].next;
      if(from > last)
         return false;
      return Fill(from, last, minutes);
     }

   // These minutes are confirmed.
   void              Confirm(const MhMinutes &minutes)
     {
      for(int at = 0; at < ArraySize(minutes.symbols); at++)
        {
         int k = minutes.symbols[at];
         if(k < ArraySize(m_symbols) && m_symbols[k].next < minutes.next)
            m_symbols[k].next = minutes.next;
        }
     }

   // The oldest minute still to be sent.
   datetime          Next()
     {
      datetime next = 0;
      for(int k = 0; k < ArraySize(m_symbols); k++)
         if(next == 0 || m_symbols[k].next < next)
            next = m_symbols[k].next;
      return next;
     }
  };

#endif
