//+------------------------------------------------------------------+
//| One line of result.json: a fill, or an order that was not made.  |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_FILL_MQH
#define MINUTEHAND_FILL_MQH

#include "Text.mqh"

#define MH_FILL_SCHEMA "minutehand.fill/1"

struct MhFill
  {
   // open, close, or refused.
   string            kind;
   // The signal that caused it; of a close that no signal asked for the one that opened.
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
          MhLongField("latency_ms", fill.signalMs > 0 ? fill.timeMs - fill.signalMs : 0) +
          (fill.hasPnl ? MhNumberField("pnl", fill.pnl, 8) : ",\"pnl\":null") + MhTextField("currency", fill.currency) +
          MhTextField("error", fill.error) + "}";
  }

#endif
