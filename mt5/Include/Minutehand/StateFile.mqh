//+------------------------------------------------------------------+
//| State of a pair across restarts of the terminal, written before  |
//| an order is sent.                                                |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_STATEFILE_MQH
#define MINUTEHAND_STATEFILE_MQH

#include "Files.mqh"
#include "Protocol.mqh"

#define MH_FLAT 0
#define MH_OPENING 1
#define MH_OPEN 2
#define MH_CLOSING 3

#define MH_LEG_IDLE 0
// An opening order was or will be sent: the broker may have it.
#define MH_LEG_SENT 1
#define MH_LEG_HELD 2
// The same for a closing order.
#define MH_LEG_CLOSE_SENT 3
#define MH_LEG_CLOSED 4

struct MhLeg
  {
   // Name in the signal.
   string            symbol;
   // 1 buys, -1 sells.
   int               side;
   // Lots to be opened.
   double            wanted;
   // Lots held now.
   double            lots;
   // Opening price.
   double            price;
   // Hedging accounts: the position to close.
   ulong             position;
   int               stage;
   long              sentMs;
   int               attempts;
   // Time of the first opening or the first closing order: the search for an unanswered order begins there.
   long              firstSentMs;
   // The broker's number of an order without a deal so far, or 0.
   ulong             order;
   // Not stored. Time of the last unsuccessful look for an order, 0 when there was none in sync, and the duration of
   // the search.
   ulong             lookTick;
   ulong             searchedMs;
   // Earliest time of the next order of this leg.
   ulong             tryTick;
  };

struct MhTrade
  {
   int               stage;
   string            positionId;
   MhLeg             legs[2];
   double            beta;
   // Of the ENTER.
   long              generatedMs;
   long              validUntilMs;
   int               maxAgeBars;
   long              intervalMs;
   long              openedMs;
   // The signal that closes it; empty when this program decides.
   string            closeSignalId;
   long              closeGeneratedMs;
   string            closeReason;
   // Of closed parts, account currency.
   double            pnl;
  };

// Accounts of a pair.
struct MhBook
  {
   double            realised;
   // UTC day as epoch days, and the profit realized on it.
   long              day;
   double            dayPnl;
   long              nextTicket;
   // Lines for result.json that may not be in it yet.
   string            outbox;
   double            priceA;
   double            priceB;
  };

void MhClearTrade(MhTrade &trade)
  {
   trade.stage = MH_FLAT;
   trade.positionId = "";
   trade.beta = 0;
   trade.generatedMs = 0;
   trade.validUntilMs = 0;
   trade.maxAgeBars = 0;
   trade.intervalMs = 60000;
   trade.openedMs = 0;
   trade.closeSignalId = "";
   trade.closeGeneratedMs = 0;
   trade.closeReason = "";
   trade.pnl = 0;
   for(int k = 0; k < 2; k++)
     {
      trade.legs[k].symbol = "";
      trade.legs[k].side = 0;
      trade.legs[k].wanted = 0;
      trade.legs[k].lots = 0;
      trade.legs[k].price = 0;
      trade.legs[k].position = 0;
      trade.legs[k].stage = MH_LEG_IDLE;
      trade.legs[k].sentMs = 0;
      trade.legs[k].attempts = 0;
      trade.legs[k].firstSentMs = 0;
      trade.legs[k].order = 0;
      trade.legs[k].lookTick = 0;
      trade.legs[k].searchedMs = 0;
      trade.legs[k].tryTick = 0;
     }
  }

void MhClearBook(MhBook &book)
  {
   book.realised = 0;
   book.day = 0;
   book.dayPnl = 0;
   book.nextTicket = 1;
   book.outbox = "";
   book.priceA = 0;
   book.priceB = 0;
  }

string MhMemoryLine(const MhMemory &memory)
  {
   return "{\"market\":" + MhQuote(memory.market) + MhTextField("pair_id", memory.pairId) + MhTextField("boot_id", memory.bootId) +
          MhLongField("seq", memory.seq) + MhTextField("position_id", memory.positionId) + MhTextField("entered", memory.entered) +
          MhLongField("fence", memory.fence) + MhTextField("timestamp", memory.timestamp) + "}";
  }

bool MhReadMemory(const string line, MhMemory &memory)
  {
   MhJson json;
   if(!json.Parse(line))
      return false;
   memory.market = json.GetText("market", "");
   memory.pairId = json.GetText("pair_id", "");
   memory.bootId = json.GetText("boot_id", "");
   memory.seq = json.GetLong("seq", -1);
   memory.positionId = json.GetText("position_id", "");
   memory.entered = json.GetText("entered", "");
   memory.fence = json.GetLong("fence", 0);
   memory.timestamp = json.GetText("timestamp", "");
   return memory.market != "" && memory.pairId != "" && memory.seq >= 0;
  }

string MhTradeLine(const MhTrade &trade)
  {
   string line = "{\"stage\":" + MhLong(trade.stage) + MhTextField("position_id", trade.positionId) + MhNumberField("beta", trade.beta, 12) +
                 MhLongField("generated_ms", trade.generatedMs) + MhLongField("valid_until_ms", trade.validUntilMs) +
                 MhLongField("max_age_bars", trade.maxAgeBars) + MhLongField("interval_ms", trade.intervalMs) +
                 MhLongField("opened_ms", trade.openedMs) + MhTextField("close_signal_id", trade.closeSignalId) +
                 MhLongField("close_generated_ms", trade.closeGeneratedMs) + MhTextField("close_reason", trade.closeReason) +
                 MhNumberField("pnl", trade.pnl, 8);
   for(int k = 0; k < 2; k++)
     {
      string leg = k == 0 ? "a_" : "b_";
      line += MhTextField(leg + "symbol", trade.legs[k].symbol) + MhLongField(leg + "side", trade.legs[k].side) +
              MhNumberField(leg + "wanted", trade.legs[k].wanted, 8) + MhNumberField(leg + "lots", trade.legs[k].lots, 8) +
              MhNumberField(leg + "price", trade.legs[k].price, 10) + MhLongField(leg + "position", (long)trade.legs[k].position) +
              MhLongField(leg + "stage", trade.legs[k].stage) + MhLongField(leg + "sent_ms", trade.legs[k].sentMs) +
              MhLongField(leg + "attempts", trade.legs[k].attempts) + MhLongField(leg + "first_sent_ms", trade.legs[k].firstSentMs) +
              MhLongField(leg + "order", (long)trade.legs[k].order);
     }
   return line + "}";
  }

bool MhReadTrade(const string line, MhTrade &trade)
  {
   MhJson json;
   if(!json.Parse(line))
      return false;
   trade.stage = (int)json.GetLong("stage", -1);
   trade.positionId = json.GetText("position_id", "");
   trade.beta = json.GetNumber("beta", 0);
   trade.generatedMs = json.GetLong("generated_ms", 0);
   trade.validUntilMs = json.GetLong("valid_until_ms", 0);
   trade.maxAgeBars = (int)json.GetLong("max_age_bars", 0);
   trade.intervalMs = json.GetLong("interval_ms", 60000);
   trade.openedMs = json.GetLong("opened_ms", 0);
   trade.closeSignalId = json.GetText("close_signal_id", "");
   trade.closeGeneratedMs = json.GetLong("close_generated_ms", 0);
   trade.closeReason = json.GetText("close_reason", "");
   trade.pnl = json.GetNumber("pnl", 0);
   for(int k = 0; k < 2; k++)
     {
      string leg = k == 0 ? "a_" : "b_";
      trade.legs[k].symbol = json.GetText(leg + "symbol", "");
      trade.legs[k].side = (int)json.GetLong(leg + "side", 0);
      trade.legs[k].wanted = json.GetNumber(leg + "wanted", 0);
      trade.legs[k].lots = json.GetNumber(leg + "lots", 0);
      trade.legs[k].price = json.GetNumber(leg + "price", 0);
      trade.legs[k].position = (ulong)json.GetLong(leg + "position", 0);
      trade.legs[k].stage = (int)json.GetLong(leg + "stage", 0);
      trade.legs[k].sentMs = json.GetLong(leg + "sent_ms", 0);
      trade.legs[k].attempts = (int)json.GetLong(leg + "attempts", 0);
      trade.legs[k].firstSentMs = json.GetLong(leg + "first_sent_ms", trade.legs[k].sentMs);
      trade.legs[k].order = (ulong)json.GetLong(leg + "order", 0);
      trade.legs[k].lookTick = 0;
      trade.legs[k].searchedMs = 0;
      trade.legs[k].tryTick = 0;
     }
   return trade.stage >= MH_FLAT && trade.stage <= MH_CLOSING;
  }

string MhBookLine(const MhBook &book)
  {
   return "{\"realised\":" + MhNumber(book.realised, 8) + MhLongField("day", book.day) + MhNumberField("day_pnl", book.dayPnl, 8) +
          MhLongField("next_ticket", book.nextTicket) + MhTextField("outbox", book.outbox) + MhNumberField("price_a", book.priceA, 10) +
          MhNumberField("price_b", book.priceB, 10) + "}";
  }

bool MhReadBook(const string line, MhBook &book)
  {
   MhJson json;
   if(!json.Parse(line))
      return false;
   book.realised = json.GetNumber("realised", 0);
   book.day = json.GetLong("day", 0);
   book.dayPnl = json.GetNumber("day_pnl", 0);
   book.nextTicket = json.GetLong("next_ticket", 1);
   book.outbox = json.GetText("outbox", "");
   book.priceA = json.GetNumber("price_a", 0);
   book.priceB = json.GetNumber("price_b", 0);
   return true;
  }

bool MhSaveState(const string name, const MhMemory &memory, const MhTrade &trade, const MhBook &book)
  {
   return MhSaveSealed(name, MhMemoryLine(memory) + "\n" + MhTradeLine(trade) + "\n" + MhBookLine(book) + "\n");
  }

// MH_SEAL_OK, MH_SEAL_NONE, MH_SEAL_HELD or MH_SEAL_DAMAGED: what this pair holds is unknown then.
int MhLoadState(const string name, MhMemory &memory, MhTrade &trade, MhBook &book)
  {
   string text = "";
   int found = MhLoadSealed(name, text);
   if(found != MH_SEAL_OK)
      return found;
   string lines[];
   if(StringSplit(text, '\n', lines) < 3)
      return MH_SEAL_DAMAGED;
   bool isFine = MhReadMemory(lines[0], memory) && MhReadTrade(lines[1], trade) && MhReadBook(lines[2], book);
   return isFine ? MH_SEAL_OK : MH_SEAL_DAMAGED;
  }

#endif
