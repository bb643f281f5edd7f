//+------------------------------------------------------------------+
//| Prices, what a lot is, and orders of the terminal's account.     |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_BROKER_MQH
#define MINUTEHAND_BROKER_MQH

#include "Sizing.mqh"

#define MH_ORDER_DONE 0
// Not now: the price moved, the market is closed, the trade server is busy. Nothing was done.
#define MH_ORDER_LATER 1
// Not at all. Nothing was done.
#define MH_ORDER_REFUSED 2
// Nobody knows: the answer did not come.
#define MH_ORDER_UNSURE 3

struct MhExecution
  {
   int               outcome;
   uint              retcode;
   string            error;
   double            lots;
   double            requested;
   double            price;
   ulong             ticket;
   ulong             position;
   // Commission and swap of the deal, as far as they are known by now.
   double            fees;
  };

bool MhIsHedging()
  {
   return AccountInfoInteger(ACCOUNT_MARGIN_MODE) == ACCOUNT_MARGIN_MODE_RETAIL_HEDGING;
  }

// The broker's name of a symbol: by the list `XAUUSD=GOLD,SPXUSD=US500`, else with the suffix.
string MhBrokerSymbol(const string symbol, const string list, const string suffix)
  {
   string entries[];
   int count = StringSplit(list, ',', entries);
   for(int k = 0; k < count; k++)
     {
      string entry = entries[k];
      StringTrimLeft(entry);
      StringTrimRight(entry);
      int middle = StringFind(entry, "=");
      if(middle > 0 && StringSubstr(entry, 0, middle) == symbol)
         return StringSubstr(entry, middle + 1);
     }
   return symbol + suffix;
  }

// Account currency for one unit of another one; 0 when no symbol tells.
double MhRate(const string from, const string to, const string suffix)
  {
   if(from == to)
      return 1;
   string direct = from + to + suffix;
   if(SymbolSelect(direct, true))
     {
      double bid = SymbolInfoDouble(direct, SYMBOL_BID);
      if(bid > 0)
         return bid;
     }
   string inverse = to + from + suffix;
   if(SymbolSelect(inverse, true))
     {
      double ask = SymbolInfoDouble(inverse, SYMBOL_ASK);
      if(ask > 0)
         return 1 / ask;
     }
   return 0;
  }

// What a lot is at the price of now. False when the terminal does not know the symbol, has no price or no rate.
bool MhLotSpecOf(const string symbol, const string suffix, MhLotSpec &spec)
  {
   if(!SymbolSelect(symbol, true))
      return false;
   double bid = SymbolInfoDouble(symbol, SYMBOL_BID);
   double ask = SymbolInfoDouble(symbol, SYMBOL_ASK);
   spec.price = (bid + ask) / 2;
   spec.contract = SymbolInfoDouble(symbol, SYMBOL_TRADE_CONTRACT_SIZE);
   spec.minLots = SymbolInfoDouble(symbol, SYMBOL_VOLUME_MIN);
   spec.maxLots = SymbolInfoDouble(symbol, SYMBOL_VOLUME_MAX);
   spec.stepLots = SymbolInfoDouble(symbol, SYMBOL_VOLUME_STEP);
   spec.rate = MhRate(SymbolInfoString(symbol, SYMBOL_CURRENCY_PROFIT), AccountInfoString(ACCOUNT_CURRENCY), suffix);
   if(spec.rate <= 0)
     {
      // The broker's own worth of a tick has the rate in it.
      double tickSize = SymbolInfoDouble(symbol, SYMBOL_TRADE_TICK_SIZE);
      double tickValue = SymbolInfoDouble(symbol, SYMBOL_TRADE_TICK_VALUE);
      spec.rate = tickSize > 0 && spec.contract > 0 ? tickValue / (tickSize * spec.contract) : 0;
     }
   return bid > 0 && ask >= bid && spec.contract > 0 && spec.rate > 0 && spec.stepLots > 0;
  }

// Whether the broker's table of sessions has this symbol open at a moment of its server. A day without a session is closed; a symbol without any table is not known to be.
bool MhIsInSession(const string symbol, const datetime server)
  {
   MqlDateTime parts;
   TimeToStruct(server, parts);
   long second = parts.hour * 3600 + parts.min * 60 + parts.sec;
   bool hasTable = false;
   for(int day = 0; day < 7; day++)
     {
      datetime from = 0;
      datetime to = 0;
      for(uint session = 0; session < 16 && SymbolInfoSessionTrade(symbol, (ENUM_DAY_OF_WEEK)day, session, from, to); session++)
        {
         hasTable = true;
         if(day == parts.day_of_week && second >= (long)from && second < (long)to)
            return true;
        }
     }
   return !hasTable;
  }

ENUM_ORDER_TYPE_FILLING MhFilling(const string symbol)
  {
   long modes = SymbolInfoInteger(symbol, SYMBOL_FILLING_MODE);
   if((modes & SYMBOL_FILLING_FOK) != 0)
      return ORDER_FILLING_FOK;
   if((modes & SYMBOL_FILLING_IOC) != 0)
      return ORDER_FILLING_IOC;
   return ORDER_FILLING_RETURN;
  }

int MhOutcome(const uint retcode)
  {
   switch(retcode)
     {
      case TRADE_RETCODE_DONE:
      case TRADE_RETCODE_DONE_PARTIAL:
         return MH_ORDER_DONE;
      case TRADE_RETCODE_REQUOTE:
      case TRADE_RETCODE_PRICE_CHANGED:
      case TRADE_RETCODE_PRICE_OFF:
      case TRADE_RETCODE_TOO_MANY_REQUESTS:
      case TRADE_RETCODE_LOCKED:
      case TRADE_RETCODE_MARKET_CLOSED:
      case TRADE_RETCODE_CLIENT_DISABLES_AT:
         return MH_ORDER_LATER;
      case TRADE_RETCODE_TIMEOUT:
      case TRADE_RETCODE_CONNECTION:
      case TRADE_RETCODE_PLACED:
      case TRADE_RETCODE_ERROR:
      case 0:
         return MH_ORDER_UNSURE;
      default:
         return MH_ORDER_REFUSED;
     }
  }

// Price and fees of a deal from the history, when they stand there already.
void MhReadDeal(MhExecution &done)
  {
   if(done.ticket == 0 || !HistoryDealSelect(done.ticket))
      return;
   double price = HistoryDealGetDouble(done.ticket, DEAL_PRICE);
   if(price > 0)
      done.price = price;
   double lots = HistoryDealGetDouble(done.ticket, DEAL_VOLUME);
   if(lots > 0)
      done.lots = lots;
   done.position = (ulong)HistoryDealGetInteger(done.ticket, DEAL_POSITION_ID);
   done.fees = HistoryDealGetDouble(done.ticket, DEAL_COMMISSION) + HistoryDealGetDouble(done.ticket, DEAL_SWAP);
  }

// A market order. @param position the one to close on a hedging account, else 0 @param slippageBps how much worse it may be
void MhSendOrder(const string symbol, const int side, const double lots, const ulong position, const string comment, const long magic,
                 const double slippageBps, MhExecution &done)
  {
   done.outcome = MH_ORDER_LATER;
   done.retcode = 0;
   done.error = "";
   done.lots = 0;
   done.price = 0;
   done.ticket = 0;
   done.position = 0;
   done.fees = 0;
   done.requested = SymbolInfoDouble(symbol, side > 0 ? SYMBOL_ASK : SYMBOL_BID);
   if(!(done.requested > 0))
     {
      done.error = "NO_PRICE";
      return;
     }
   double point = SymbolInfoDouble(symbol, SYMBOL_POINT);
   MqlTradeRequest request = {};
   MqlTradeResult result = {};
   request.action = TRADE_ACTION_DEAL;
   request.magic = (ulong)magic;
   request.symbol = symbol;
   request.volume = lots;
   request.price = done.requested;
   request.deviation = point > 0 ? (ulong)MathCeil(done.requested * slippageBps / 10000 / point) : 0;
   request.type = side > 0 ? ORDER_TYPE_BUY : ORDER_TYPE_SELL;
   request.type_filling = MhFilling(symbol);
   request.type_time = ORDER_TIME_GTC;
   request.comment = comment;
   request.position = position;
   ResetLastError();
   bool isSent = OrderSend(request, result);
   done.retcode = result.retcode;
   done.outcome = MhOutcome(result.retcode);
   if(done.outcome != MH_ORDER_DONE)
     {
      done.error = "RETCODE_" + MhLong((long)result.retcode) + (isSent ? "" : " error " + MhLong(GetLastError()));
      return;
     }
   done.ticket = result.deal;
   done.lots = result.volume > 0 ? result.volume : lots;
   done.price = result.price > 0 ? result.price : done.requested;
   // Of the order that opens a position, until the deal says it itself.
   done.position = position > 0 ? position : result.order;
   MhReadDeal(done);
  }

// Signed lots of a symbol's position on a netting account; 0 when there is none.
double MhNetLots(const string symbol)
  {
   for(int k = PositionsTotal() - 1; k >= 0; k--)
      if(PositionGetTicket(k) != 0 && PositionGetString(POSITION_SYMBOL) == symbol)
         return PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_BUY ? PositionGetDouble(POSITION_VOLUME) : -PositionGetDouble(POSITION_VOLUME);
   return 0;
  }

// What others than this program did with a symbol: a person, a stop out, another program.
struct MhOthers
  {
   int               deals;
   // Their last deal that did not open a position, or 0.
   ulong             lastClose;
   // Whether the last deal of all was theirs.
   bool              wereLast;
  };

// @param position of a hedging account, else 0: all deals of the symbol since this server time
void MhFindOthers(const string symbol, const ulong position, const long magic, const datetime sinceServer, MhOthers &others)
  {
   others.deals = 0;
   others.lastClose = 0;
   others.wereLast = false;
   bool isSelected = position > 0 ? HistorySelectByPosition(position) : HistorySelect(sinceServer, (datetime)(TimeTradeServer() + 86400));
   int total = isSelected ? HistoryDealsTotal() : 0;
   for(int k = 0; k < total; k++)
     {
      ulong ticket = HistoryDealGetTicket(k);
      if(ticket == 0 || HistoryDealGetString(ticket, DEAL_SYMBOL) != symbol)
         continue;
      others.wereLast = HistoryDealGetInteger(ticket, DEAL_REASON) != DEAL_REASON_EXPERT || HistoryDealGetInteger(ticket, DEAL_MAGIC) != magic;
      if(!others.wereLast)
         continue;
      others.deals++;
      if(HistoryDealGetInteger(ticket, DEAL_ENTRY) != DEAL_ENTRY_IN)
         others.lastClose = ticket;
     }
  }

// Looks for the deal of an order whose answer did not come, or did not come to this life of the terminal.
// @param lots what was ordered @param position what it was to close, 0 when it was to open @param sinceServer not before this server time @param known tickets that belong to other orders, each between commas
bool MhFindDeal(const string symbol, const int side, const long magic, const double lots, const ulong position, const string comment,
                const datetime sinceServer, const string known, MhExecution &done)
  {
   if(!HistorySelect(sinceServer, (datetime)(TimeTradeServer() + 86400)))
      return false;
   int total = HistoryDealsTotal();
   for(int k = total - 1; k >= 0; k--)
     {
      ulong ticket = HistoryDealGetTicket(k);
      if(ticket == 0 || HistoryDealGetInteger(ticket, DEAL_MAGIC) != magic || HistoryDealGetString(ticket, DEAL_SYMBOL) != symbol)
         continue;
      if(HistoryDealGetInteger(ticket, DEAL_TYPE) != (side > 0 ? DEAL_TYPE_BUY : DEAL_TYPE_SELL))
         continue;
      if(StringFind(known, "," + MhLong((long)ticket) + ",") >= 0 || HistoryDealGetDouble(ticket, DEAL_VOLUME) > lots + 0.0000001)
         continue;
      // Where each order has a position of its own, its deal names it.
      bool opened = HistoryDealGetInteger(ticket, DEAL_ENTRY) == DEAL_ENTRY_IN;
      if(MhIsHedging() && (position == 0 ? !opened : (ulong)HistoryDealGetInteger(ticket, DEAL_POSITION_ID) != position || opened))
         continue;
      // Brokers may drop comments; one of another order of ours is never this one.
      string said = HistoryDealGetString(ticket, DEAL_COMMENT);
      if(said != comment && StringFind(said, "mh") == 0)
         continue;
      done.outcome = MH_ORDER_DONE;
      done.ticket = ticket;
      done.error = "";
      done.price = 0;
      done.lots = 0;
      done.requested = 0;
      MhReadDeal(done);
      return true;
     }
   return false;
  }

#endif
