//+------------------------------------------------------------------+
//| Prices, lot specifications and orders of the terminal's account. |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_BROKER_MQH
#define MINUTEHAND_BROKER_MQH

#include "Sizing.mqh"

#define MH_ORDER_DONE 0
// Refused for now: the price moved, the market is closed, the trade server is busy. Nothing was done.
#define MH_ORDER_LATER 1
// Refused. Nothing was done.
#define MH_ORDER_REFUSED 2
// Unknown: no answer, or no deals.
#define MH_ORDER_UNSURE 3

#define MH_FOUND_NONE 0
#define MH_FOUND_DONE 1
// It existed and ended without a deal.
#define MH_FOUND_ENDED 2
// It may exist: wait.
#define MH_FOUND_OPEN -1

// How long deals may arrive after the answer to their order.
#define MH_DEAL_MS 1000
#define MH_DEAL_PAUSE_MS 20
// How long before an order the search of the history begins: clocks of PC and server differ.
#define MH_SEARCH_MARGIN_S 600
#define MH_LOTS_TOLERANCE 0.0000001

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
   ulong             order;
   // Commission, fee and swap of the deals, as far as known.
   double            fees;
  };

void MhClearExecution(MhExecution &done)
  {
   done.outcome = MH_ORDER_LATER;
   done.retcode = 0;
   done.error = "";
   done.lots = 0;
   done.requested = 0;
   done.price = 0;
   done.ticket = 0;
   done.position = 0;
   done.order = 0;
   done.fees = 0;
  }

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

// Account currency for one unit of another one; 0 when no symbol has the rate.
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

// Specification of a lot at the current price. False when the terminal does not know the symbol, has no price or no
// rate.
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
      // The broker's value of a tick includes the rate.
      double tickSize = SymbolInfoDouble(symbol, SYMBOL_TRADE_TICK_SIZE);
      double tickValue = SymbolInfoDouble(symbol, SYMBOL_TRADE_TICK_VALUE);
      spec.rate = tickSize > 0 && spec.contract > 0 ? tickValue / (tickSize * spec.contract) : 0;
     }
   return bid > 0 && ask >= bid && spec.contract > 0 && spec.rate > 0 && spec.stepLots > 0;
  }

// Whether the broker's table of sessions has this symbol open at a moment of its server. A day without a session is
// closed; a symbol without any table is not known to be.
bool MhIsInSession(const string symbol, const datetime server)
  {
   MqlDateTime parts = {};
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

double MhDealFees(const ulong ticket)
  {
   return HistoryDealGetDouble(ticket, DEAL_COMMISSION) + HistoryDealGetDouble(ticket, DEAL_FEE) + HistoryDealGetDouble(ticket, DEAL_SWAP);
  }

// Adds price, volume and fees of one deal, when the history has it.
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
   done.fees = MhDealFees(done.ticket);
  }

bool MhIsFinal(const long state)
  {
   return state == ORDER_STATE_FILLED || state == ORDER_STATE_CANCELED || state == ORDER_STATE_REJECTED || state == ORDER_STATE_EXPIRED;
  }

// Sums the deals of an order: volume-weighted price, fees, the ticket of the first one.
//
// MH_FOUND_DONE: all its deals are there. MH_FOUND_ENDED: it ended without a deal. MH_FOUND_OPEN: it is live, or the
// terminal does not have all of it yet.
int MhReadOrder(const ulong order, const double wanted, const datetime sinceServer, MhExecution &done)
  {
   if(order == 0 || !HistorySelect(sinceServer, (datetime)(TimeTradeServer() + 86400)))
      return MH_FOUND_OPEN;
   double lots = 0;
   double worth = 0;
   done.ticket = 0;
   done.fees = 0;
   done.order = order;
   int total = HistoryDealsTotal();
   for(int k = 0; k < total; k++)
     {
      ulong ticket = HistoryDealGetTicket(k);
      if(ticket == 0 || (ulong)HistoryDealGetInteger(ticket, DEAL_ORDER) != order)
         continue;
      double volume = HistoryDealGetDouble(ticket, DEAL_VOLUME);
      lots += volume;
      worth += volume * HistoryDealGetDouble(ticket, DEAL_PRICE);
      done.fees += MhDealFees(ticket);
      done.position = (ulong)HistoryDealGetInteger(ticket, DEAL_POSITION_ID);
      if(done.ticket == 0)
         done.ticket = ticket;
     }
   if(lots < wanted - MH_LOTS_TOLERANCE)
     {
      // Less than was ordered: only an order that has ended shows that nothing more follows.
      if(OrderSelect(order) || !HistoryOrderSelect(order) || !MhIsFinal(HistoryOrderGetInteger(order, ORDER_STATE)))
         return MH_FOUND_OPEN;
      double executed = HistoryOrderGetDouble(order, ORDER_VOLUME_INITIAL) - HistoryOrderGetDouble(order, ORDER_VOLUME_CURRENT);
      if(executed < MH_LOTS_TOLERANCE && lots < MH_LOTS_TOLERANCE)
         return MH_FOUND_ENDED;
      if(lots < executed - MH_LOTS_TOLERANCE || lots < MH_LOTS_TOLERANCE)
         return MH_FOUND_OPEN;
     }
   done.lots = NormalizeDouble(lots, 8);
   done.price = worth / lots;
   done.outcome = MH_ORDER_DONE;
   done.error = "";
   return MH_FOUND_DONE;
  }

// With market and exchange execution the server accepts any price: `deviation` is for instant and request execution.
bool MhHasDeviation(const string symbol)
  {
   long mode = SymbolInfoInteger(symbol, SYMBOL_TRADE_EXEMODE);
   return mode == SYMBOL_TRADE_EXECUTION_INSTANT || mode == SYMBOL_TRADE_EXECUTION_REQUEST;
  }

// Waits a moment for the deals of an order that was accepted.
void MhAwaitDeals(const ulong order, const double lots, MhExecution &done)
  {
   ulong beganTick = GetTickCount64();
   datetime since = (datetime)(TimeTradeServer() - MH_SEARCH_MARGIN_S);
   while(true)
     {
      int found = MhReadOrder(order, lots, since, done);
      if(found == MH_FOUND_DONE)
         return;
      if(found == MH_FOUND_ENDED)
        {
         done.outcome = MH_ORDER_LATER;
         done.error = "ORDER_CANCELED";
         return;
        }
      if(GetTickCount64() - beganTick >= MH_DEAL_MS)
         break;
      Sleep(MH_DEAL_PAUSE_MS);
     }
   done.outcome = MH_ORDER_UNSURE;
   done.error = "DEAL_UNKNOWN of order " + MhLong((long)order);
  }

// A market order. @param position the one to close on a hedging account, else 0 @param slippageBps how much worse it
// may be
void MhSendOrder(const string symbol, const int side, const double lots, const ulong position, const string comment, const long magic,
                 const double slippageBps, MhExecution &done)
  {
   MhClearExecution(done);
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
   request.deviation = point > 0 && MhHasDeviation(symbol) ? (ulong)MathCeil(done.requested * slippageBps / 10000 / point) : 0;
   request.type = side > 0 ? ORDER_TYPE_BUY : ORDER_TYPE_SELL;
   request.type_filling = MhFilling(symbol);
   request.type_time = ORDER_TIME_GTC;
   request.comment = comment;
   request.position = position;
   ResetLastError();
   bool isSent = OrderSend(request, result);
   done.retcode = result.retcode;
   done.outcome = MhOutcome(result.retcode);
   done.order = result.order;
   if(done.order == 0 && result.deal != 0 && HistoryDealSelect(result.deal))
      done.order = (ulong)HistoryDealGetInteger(result.deal, DEAL_ORDER);
   bool isAccepted = done.outcome == MH_ORDER_DONE || result.retcode == TRADE_RETCODE_PLACED;
   if(isAccepted && done.order != 0)
     {
      MhAwaitDeals(done.order, lots, done);
      return;
     }
   if(done.outcome == MH_ORDER_DONE)
      done.outcome = MH_ORDER_UNSURE;
   done.error = "RETCODE_" + MhLong((long)result.retcode) + (isSent ? "" : " error " + MhLong(GetLastError()));
  }

// The ticket of a position by its permanent identifier; 0 when it no longer exists.
ulong MhPositionTicket(const ulong identifier)
  {
   for(int k = PositionsTotal() - 1; k >= 0; k--)
     {
      ulong ticket = PositionGetTicket(k);
      if(ticket != 0 && (ulong)PositionGetInteger(POSITION_IDENTIFIER) == identifier)
         return ticket;
     }
   return 0;
  }

// Signed lots of a symbol's position on a netting account; 0 when there is none.
double MhNetLots(const string symbol)
  {
   for(int k = PositionsTotal() - 1; k >= 0; k--)
      if(PositionGetTicket(k) != 0 && PositionGetString(POSITION_SYMBOL) == symbol)
         return PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_BUY ? PositionGetDouble(POSITION_VOLUME) : -PositionGetDouble(POSITION_VOLUME);
   return 0;
  }

// Trades of others in a symbol: by hand, by a stop out, by another program.
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

bool MhIsListed(const string list, const ulong number)
  {
   return StringFind(list, "," + MhLong((long)number) + ",") >= 0;
  }

// Orders of the selected history with a booked deal: a line of result.json has the ticket of the first one only.
string MhBookedOrders(const string known)
  {
   string orders = ",";
   int total = HistoryDealsTotal();
   for(int k = 0; k < total; k++)
     {
      ulong ticket = HistoryDealGetTicket(k);
      if(ticket != 0 && MhIsListed(known, ticket))
         orders += MhLong(HistoryDealGetInteger(ticket, DEAL_ORDER)) + ",";
     }
   return orders;
  }

// Hedging accounts: whether a deal that is not booked yet closed this position or a part of it. @param known tickets
// that are booked, each between commas
bool MhWasClosed(const ulong position, const string known, ulong &closing)
  {
   closing = 0;
   if(!HistorySelectByPosition(position))
      return false;
   string booked = MhBookedOrders(known);
   int total = HistoryDealsTotal();
   for(int k = 0; k < total; k++)
     {
      ulong ticket = HistoryDealGetTicket(k);
      if(ticket == 0 || HistoryDealGetInteger(ticket, DEAL_ENTRY) == DEAL_ENTRY_IN)
         continue;
      if(!MhIsListed(booked, (ulong)HistoryDealGetInteger(ticket, DEAL_ORDER)))
         closing = ticket;
     }
   return closing != 0;
  }

// An order without an answer, or whose answer came before the terminal restarted.
struct MhSought
  {
   string            symbol;
   int               side;
   long              magic;
   // The ordered volume.
   double            lots;
   bool              opens;
   // Hedging accounts: the position it was to close.
   ulong             position;
   string            comment;
   // Not before this server time.
   datetime          since;
   // Tickets of deals that belong to other orders, and positions and orders of other legs, each between commas.
   string            known;
   string            taken;
   // The number of the order, 0 when not known.
   ulong             order;
  };

// Brokers may drop comments; a comment of another own order excludes it.
bool MhIsComment(const MhSought &sought, const string comment)
  {
   return comment == sought.comment || StringFind(comment, "mh") != 0;
  }

// Whether it is still live at the broker.
bool MhIsLive(const MhSought &sought)
  {
   if(sought.order != 0 && OrderSelect(sought.order))
      return true;
   for(int k = OrdersTotal() - 1; k >= 0; k--)
     {
      ulong ticket = OrderGetTicket(k);
      if(ticket == 0 || OrderGetInteger(ORDER_MAGIC) != sought.magic || OrderGetString(ORDER_SYMBOL) != sought.symbol)
         continue;
      if(MhIsListed(sought.taken, ticket) || !MhIsComment(sought, OrderGetString(ORDER_COMMENT)))
         continue;
      if(OrderGetInteger(ORDER_TYPE) == (sought.side > 0 ? ORDER_TYPE_BUY : ORDER_TYPE_SELL))
         return true;
     }
   return false;
  }

// The order of a matching deal; 0 when there is none.
ulong MhOrderInHistory(const MhSought &sought)
  {
   if(!HistorySelect(sought.since, (datetime)(TimeTradeServer() + 86400)))
      return 0;
   int total = HistoryDealsTotal();
   string booked = sought.taken + MhBookedOrders(sought.known);
   for(int k = total - 1; k >= 0; k--)
     {
      ulong ticket = HistoryDealGetTicket(k);
      if(ticket == 0 || HistoryDealGetInteger(ticket, DEAL_MAGIC) != sought.magic || HistoryDealGetString(ticket, DEAL_SYMBOL) != sought.symbol)
         continue;
      if(HistoryDealGetInteger(ticket, DEAL_TYPE) != (sought.side > 0 ? DEAL_TYPE_BUY : DEAL_TYPE_SELL))
         continue;
      ulong order = (ulong)HistoryDealGetInteger(ticket, DEAL_ORDER);
      if(MhIsListed(booked, order) || HistoryDealGetDouble(ticket, DEAL_VOLUME) > sought.lots + MH_LOTS_TOLERANCE)
         continue;
      // Where each order has a position of its own, its deal names it. Of several deals all but the first one add to
      // it.
      bool opened = HistoryDealGetInteger(ticket, DEAL_ENTRY) == DEAL_ENTRY_IN;
      ulong position = (ulong)HistoryDealGetInteger(ticket, DEAL_POSITION_ID);
      if(MhIsHedging() && (sought.opens ? !opened : position != sought.position || opened))
         continue;
      if(MhIsComment(sought, HistoryDealGetString(ticket, DEAL_COMMENT)))
         return order;
     }
   return 0;
  }

// Hedging accounts: the open position of an opening order; it may be listed before its deal.
bool MhSelectOpened(const MhSought &sought)
  {
   if(!sought.opens || !MhIsHedging())
      return false;
   for(int k = PositionsTotal() - 1; k >= 0; k--)
     {
      ulong ticket = PositionGetTicket(k);
      if(ticket == 0 || PositionGetInteger(POSITION_MAGIC) != sought.magic || PositionGetString(POSITION_SYMBOL) != sought.symbol)
         continue;
      if(PositionGetInteger(POSITION_TYPE) != (sought.side > 0 ? POSITION_TYPE_BUY : POSITION_TYPE_SELL))
         continue;
      if(PositionGetInteger(POSITION_TIME) < (long)sought.since || PositionGetDouble(POSITION_VOLUME) > sought.lots + MH_LOTS_TOLERANCE)
         continue;
      ulong identifier = (ulong)PositionGetInteger(POSITION_IDENTIFIER);
      if(!MhIsListed(sought.taken, identifier) && MhIsComment(sought, PositionGetString(POSITION_COMMENT)))
         return true;
     }
   return false;
  }

// Looks for an order among live orders, the history and open positions. MH_FOUND_NONE: in none of them.
int MhFindOrder(const MhSought &sought, MhExecution &done)
  {
   MhClearExecution(done);
   if(MhIsLive(sought))
      return MH_FOUND_OPEN;
   ulong order = sought.order != 0 ? sought.order : MhOrderInHistory(sought);
   int found = order != 0 ? MhReadOrder(order, sought.lots, sought.since, done) : MH_FOUND_NONE;
   if(found == MH_FOUND_DONE || found == MH_FOUND_ENDED || done.ticket != 0)
      return found;
   return MhSelectOpened(sought) ? MH_FOUND_OPEN : MH_FOUND_NONE;
  }

// A position whose deals never reach the history, as the execution of the order that opened it.
bool MhReadOpened(const MhSought &sought, MhExecution &done)
  {
   if(MhIsLive(sought) || !MhSelectOpened(sought))
      return false;
   MhClearExecution(done);
   done.outcome = MH_ORDER_DONE;
   done.position = (ulong)PositionGetInteger(POSITION_IDENTIFIER);
   done.order = done.position;
   done.ticket = done.position;
   done.lots = PositionGetDouble(POSITION_VOLUME);
   done.price = PositionGetDouble(POSITION_PRICE_OPEN);
   return true;
  }

#endif
