// Arrays by reference, in structures, of structures; sizes from constants.
#define SIZE 3
struct Leg
  {
   string            symbol;
   double            lots[];
   int               sides[2];
  };
Leg g_legs[SIZE];
const int g_counts[2] = {1, 2};

double Sum(const double &values[])
  {
   double sum = 0;
   for(int k = 0; k < ArraySize(values); k++)
      sum += values[k];
   return sum;
  }

void Fill(Leg &leg, const int count)
  {
   ArrayResize(leg.lots, count, 16);
   ArrayInitialize(leg.lots, 0.5);
   leg.sides[0] = 1;
   leg.sides[1] = -1;
  }

void OnTick()
  {
   for(int k = SIZE - 1; k >= 0; k--)
      Fill(g_legs[k], g_counts[1]);
   double copy[];
   int copied = ArrayCopy(copy, g_legs[0].lots);
   Print(copied, " ", Sum(copy), " ", g_legs[1].sides[0]);
   ArrayFree(copy);
  }
