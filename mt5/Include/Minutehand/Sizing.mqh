//+------------------------------------------------------------------+
//| Lots of the two legs, from equity, risk, position_scale and beta.|
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_SIZING_MQH
#define MINUTEHAND_SIZING_MQH

#include "Text.mqh"

// As `beta_max` of core_policy.yaml allows.
#define MH_GREATEST_BETA 1000
// With prices in this range, and lots up to a broker's maximum, every sum of a paper account is a finite number.
#define MH_LEAST_PRICE 0.000000000001
#define MH_GREATEST_PRICE 1000000000000.0

// Whether an account can be kept with this price.
bool MhIsPrice(const double price)
  {
   return price >= MH_LEAST_PRICE && price <= MH_GREATEST_PRICE;
  }

// Specification of one lot of a symbol.
struct MhLotSpec
  {
   // Units of the base in one lot.
   double            contract;
   // Account currency for one unit of the profit currency.
   double            rate;
   // Price of one unit.
   double            price;
   double            minLots;
   double            maxLots;
   double            stepLots;
  };

struct MhSizes
  {
   double            lotsA;
   double            lotsB;
   // Why there are no lots; empty when there are.
   string            refusal;
  };

// Whole steps; `up` is added before truncation: 0 rounds down, 0.5 to the nearest.
double MhSteps(const double lots, const double step, const double up)
  {
   if(step <= 0)
      return lots;
   // A tolerance, so that 0.3 / 0.1 is 3 steps and not 2.
   double steps = MathFloor(lots / step + up + 0.000001);
   return NormalizeDouble(steps * step, 8);
  }

// Lots of both legs for a gross notional of equity * risk * scale of the account currency, as in a backtest: leg A has
// the share 1 / (1 + |beta|) of it, leg B |beta| times as much as A.
//
//   lots = money / (contract * price * rate)
//
// Both are capped by `capLots` and by the broker's maximum, in the same proportion. A is rounded down, B to the step
// nearest to the hedge of the rounded A; when the hedge error exceeds `maxHedgeError` (a share), or a leg is below the
// broker's minimum, there is no trade.
void MhSize(const double equity, const double risk, const double scale, const double beta, const double capLots, const double maxHedgeError,
            const MhLotSpec &a, const MhLotSpec &b, MhSizes &sizes)
  {
   sizes.lotsA = 0;
   sizes.lotsB = 0;
   sizes.refusal = "";
   double worthA = a.contract * a.price * a.rate;
   double worthB = b.contract * b.price * b.rate;
   double hedge = MathAbs(beta);
   if(!(hedge > 0 && hedge <= MH_GREATEST_BETA))
     {
      sizes.refusal = "SIZE_BETA " + MhNumber(beta, 6);
      return;
     }
   double ratio = worthB > 0 ? hedge * worthA / worthB : 0;
   double moneyA = equity * risk * scale / (1 + hedge);
   if(!(moneyA > 0) || !(worthA > 0) || !(worthB > 0) || !(ratio > 0) || !MathIsValidNumber(moneyA) || !MathIsValidNumber(worthA) ||
      !MathIsValidNumber(worthB) || !MathIsValidNumber(ratio))
     {
      sizes.refusal = "SIZE_UNKNOWN";
      return;
     }
   double capA = MathMin(capLots, a.maxLots);
   double capB = MathMin(capLots, b.maxLots);
   double wantedA = MathMin(moneyA / worthA, MathMin(capA, capB / ratio));
   double lotsA = MhSteps(wantedA, a.stepLots, 0);
   double wantedB = lotsA * ratio;
   double lotsB = MhSteps(wantedB, b.stepLots, 0.5);
   if(lotsB > capB)
      lotsB = MhSteps(capB, b.stepLots, 0);
   if(lotsA < a.minLots || lotsA <= 0)
     {
      sizes.refusal = "SIZE_BELOW_MINIMUM A " + MhNumber(wantedA, 6);
      return;
     }
   if(lotsB < b.minLots || lotsB <= 0)
     {
      sizes.refusal = "SIZE_BELOW_MINIMUM B " + MhNumber(wantedB, 6);
      return;
     }
   if(MathAbs(lotsB / wantedB - 1) > maxHedgeError)
     {
      sizes.refusal = "SIZE_HEDGE_ERROR " + MhNumber(lotsB / wantedB - 1, 3);
      return;
     }
   sizes.lotsA = lotsA;
   sizes.lotsB = lotsB;
  }

#endif
