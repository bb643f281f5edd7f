//+------------------------------------------------------------------+
//| One line of result.json: a fill, or an order that was not made.  |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_FILL_MQH
#define MINUTEHAND_FILL_MQH

#include "Crc32.mqh"
#include "Text.mqh"

#define MH_FILL_SCHEMA "minutehand.fill/1"

struct MhFill
  {
   // open, close, or refused.
   string            kind;
   // The signal that caused it; for a close without a signal, the one that opened.
   string            signalId;
   string            positionId;
   string            pairId;
   string            market;
   // paper, demo or real.
   string            account;
   // Signal reason, or this program's own: OWN_MAX_AGE, OWN_STOP, KILL, DAILY_LOSS, LEG_FAILED, EXPIRED, EXTERNAL.
   string            reason;
   string            leg;
   string            symbol;
   string            brokerSymbol;
   int               side;
   ulong             ticket;
   double            lots;
   double            requested;
   double            price;
   long              timeMs;
   long              signalMs;
   bool              hasPnl;
   double            pnl;
   string            currency;
   string            error;
  };

// Above all deal numbers of brokers (2^51); JSON numbers are exact up to 2^53.
#define MH_OWN_TICKETS_FROM 2251799813685248
#define MH_OWN_TICKETS_OF_ONE 1048576

// First ticket of a program's own lines (paper orders, refusals), so that two programs that follow the same signals
// never write the same ticket, as in shared/fill/fill.ts. @param identity unique to the program
long MhFirstOwnTicket(const string identity)
  {
   uchar bytes[];
   int count = MhBytes(identity, bytes);
   return MH_OWN_TICKETS_FROM + (long)(MhCrc32(bytes, 0, count) & 0x7FFFFFFF) * MH_OWN_TICKETS_OF_ONE + 1;
  }

// The clocks of two machines may differ: a negative delay counts as 0.
long MhLatencyMs(const long signalMs, const long timeMs)
  {
   return signalMs > 0 && timeMs > signalMs ? timeMs - signalMs : 0;
  }

// How much worse than requested, in basis points; below zero is better.
double MhSlippageBps(const int side, const double requested, const double price)
  {
   return requested > 0 ? (price - requested) / requested * 10000 * side : 0;
  }

string MhFillLine(const MhFill &fill)
  {
   bool isFill = fill.kind != "refused";
   string line = "{\"schema\":\"" + MH_FILL_SCHEMA + "\"" + MhTextField("kind", fill.kind) + MhTextField("signal_id", fill.signalId) +
                 MhTextField("position_id", fill.positionId) + MhTextField("pair_id", fill.pairId) + MhTextField("market", fill.market) +
                 MhTextField("account", fill.account) + MhTextField("reason", fill.reason) + MhTextField("leg", fill.leg) +
                 MhTextField("symbol", fill.symbol) + MhTextField("broker_symbol", fill.brokerSymbol) +
                 MhTextField("side", fill.side == 0 ? "" : (fill.side > 0 ? "BUY" : "SELL")) + MhLongField("ticket", (long)fill.ticket) +
                 MhNumberField("lots", fill.lots, 8);
   line += isFill ? MhNumberField("requested_price", fill.requested, 8) + MhNumberField("filled_price", fill.price, 8) +
           MhNumberField("slippage_bps", MhSlippageBps(fill.side, fill.requested, fill.price), 4)
           : ",\"requested_price\":null,\"filled_price\":null,\"slippage_bps\":null";
   return line + MhLongField("time_ms", fill.timeMs) + MhLongField("signal_ms", fill.signalMs) +
          MhLongField("latency_ms", MhLatencyMs(fill.signalMs, fill.timeMs)) +
          (fill.hasPnl ? MhNumberField("pnl", fill.pnl, 8) : ",\"pnl\":null") + MhTextField("currency", fill.currency) +
          MhTextField("error", fill.error) + "}";
  }

#endif
