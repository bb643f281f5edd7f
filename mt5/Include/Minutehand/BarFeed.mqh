//+------------------------------------------------------------------+
//| Closed one-minute bars of the terminal as the daemon takes them. |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_BARFEED_MQH
#define MINUTEHAND_BARFEED_MQH

#include "Broker.mqh"
#include "Clock.mqh"
#include "FlatJson.mqh"

// The last tick of a minute may come a little later than its end.
#define MH_SETTLE_SECONDS 1
// What is older is history: it moves the daemon's features and publishes nothing.
#define MH_LIVE_SECONDS 120
#define MH_WINDOW_MINUTES 60
// After a reconnection the terminal fills its charts first: a minute that looks empty then may not be.
#define MH_CALM_SECONDS 10

struct MhFeedSymbol
  {
   string            symbol;
   string            broker;
   // Open of the next minute to be sent, UTC; 0 when not known yet.
   datetime          next;
  };

// Minutes put together, to be sent and then confirmed.
struct MhMinutes
  {
   // One JSON object per minute and symbol.
   string            lines[];
   int               count;
   bool              isHistory;
   // Where the next ones begin when these have been taken.
   datetime          next;
  };

// `2026-11-20T08:26:00.000Z` as UTC seconds; 0 when it is none.
datetime MhParseIso(const string text)
  {
   if(StringLen(text) < 19)
      return 0;
   MqlDateTime parts;
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
   datetime          m_calmUntil;
   bool              m_wasConnected;

   // Bars of [from, to] of one symbol; false when the terminal has not got them ready.
   bool              Rates(const int index, const int winterOffset, const datetime from, const datetime to, MqlRates &rates[])
     {
      SymbolSelect(m_symbols[index].broker, true);
      ResetLastError();
      int count = CopyRates(m_symbols[index].broker, PERIOD_M1, MhServerTime(m_dst, winterOffset, from), MhServerTime(m_dst, winterOffset, to), rates);
      if(count < 0)
         ArrayResize(rates, 0);
      return count >= 0;
     }

public:
                     MhBarFeed()
     {
      m_dst = MH_DST_US;
      m_historyBars = 0;
      m_calmUntil = 0;
      m_wasConnected = false;
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
        }
      m_dst = dst;
      m_historyBars = historyBars;
     }

   // Where to go on: `lastBars` is the daemon's own word, {"EURUSD":"2026-11-20T08:25:00.000Z",...}; empty begins with the history.
   void              Resume(const string lastBars, const datetime utcNow)
     {
      MhJson json;
      bool isKnown = lastBars != "" && json.Parse(lastBars);
      datetime first = (datetime)(utcNow - utcNow % 60 - (long)m_historyBars * 60);
      for(int k = 0; k < ArraySize(m_symbols); k++)
        {
         datetime last = isKnown ? MhParseIso(json.GetText(m_symbols[k].symbol, "")) : (datetime)0;
         m_symbols[k].next = last + 60 > first ? (datetime)(last + 60) : first;
        }
     }

   // Puts the next closed minutes together, oldest first, at most an hour of them. A minute in which some symbol traded and another did not has `empty` for
   // that one; a minute in which none traded (weekend) is passed over. False when there is nothing to send now.
   bool              Collect(const datetime utcNow, MhMinutes &minutes)
     {
      minutes.count = 0;
      ArrayResize(minutes.lines, 0);
      bool isConnected = TerminalInfoInteger(TERMINAL_CONNECTED) != 0;
      if(isConnected && !m_wasConnected)
         m_calmUntil = (datetime)(utcNow + MH_CALM_SECONDS);
      m_wasConnected = isConnected;
      int symbols = ArraySize(m_symbols);
      if(!isConnected || utcNow < m_calmUntil || symbols == 0)
         return false;
      datetime settled = (datetime)(utcNow - MH_SETTLE_SECONDS);
      datetime last = (datetime)(settled - settled % 60 - 60);
      datetime from = last + 60;
      for(int k = 0; k < symbols; k++)
         if(m_symbols[k].next > 0 && m_symbols[k].next < from)
            from = m_symbols[k].next;
      if(from > last)
         return false;
      datetime firstLive = (datetime)(last - last % 60 - MH_LIVE_SECONDS + 60);
      minutes.isHistory = from < firstLive;
      datetime to = minutes.isHistory ? (datetime)(firstLive - 60) : last;
      if(to > from + (MH_WINDOW_MINUTES - 1) * 60)
         to = (datetime)(from + (MH_WINDOW_MINUTES - 1) * 60);
      int winterOffset = MhWinterOffset(m_dst, TimeTradeServer(), utcNow);
      int span = (int)((to - from) / 60) + 1;
      string cells[];
      int traded[];
      ArrayResize(cells, span * symbols);
      ArrayResize(traded, span);
      for(int minute = 0; minute < span; minute++)
         traded[minute] = 0;
      for(int cell = 0; cell < span * symbols; cell++)
         cells[cell] = "";
      int ready[];
      ArrayResize(ready, symbols);
      for(int k = 0; k < symbols; k++)
        {
         MqlRates rates[];
         bool isReady = Rates(k, winterOffset, from, to, rates);
         // A chart that is not there yet gets a few seconds; then the others do not wait for it.
         if(!isReady && utcNow - last - 60 < 5)
            return false;
         ready[k] = isReady ? 1 : 0;
         double point = SymbolInfoDouble(m_symbols[k].broker, SYMBOL_POINT);
         int digits = (int)SymbolInfoInteger(m_symbols[k].broker, SYMBOL_DIGITS);
         for(int bar = 0; bar < ArraySize(rates); bar++)
           {
            datetime utc = MhUtcOf(m_dst, winterOffset, rates[bar].time);
            int minute = (int)((utc - from) / 60);
            if(utc < from || minute >= span)
               continue;
            cells[minute * symbols + k] = MhBarJson(m_symbols[k].symbol, utc, rates[bar], point, digits);
            traded[minute] = traded[minute] + 1;
           }
        }
      for(int minute = 0; minute < span; minute++)
        {
         datetime utc = (datetime)(from + minute * 60);
         for(int k = 0; k < symbols; k++)
           {
            if(traded[minute] == 0 || utc < m_symbols[k].next)
               continue;
            string line = cells[minute * symbols + k];
            if(line == "" && ready[k] == 1)
               line = MhEmptyJson(m_symbols[k].symbol, utc);
            if(line == "")
               continue;
            ArrayResize(minutes.lines, minutes.count + 1, 256);
            minutes.lines[minutes.count] = line;
            minutes.count++;
           }
        }
      minutes.next = (datetime)(to + 60);
      if(minutes.count == 0)
         Confirm(minutes);
      return minutes.count > 0;
     }

   // They have been taken.
   void              Confirm(const MhMinutes &minutes)
     {
      for(int k = 0; k < ArraySize(m_symbols); k++)
         if(m_symbols[k].next < minutes.next)
            m_symbols[k].next = minutes.next;
     }

   // The oldest minute that is still to be sent.
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
