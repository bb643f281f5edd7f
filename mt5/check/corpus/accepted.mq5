//// arrays
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
//// classes
// Classes, derived ones, constant methods, structures with methods, overloads.
class Box
  {
private:
   int               m_size;
   static int        Scale(const int size) { return size * 2; }
protected:
   string            m_name;
public:
                     Box() { m_size = 0; m_name = ""; }
                    ~Box() { Print("gone"); }
   int               Size() const { return m_size; }
   virtual void      Grow(const int by = 1) { m_size += Scale(by); }
   void              Show(const string text) { Print(m_name, text); }
   void              Show(const int number) { Print(m_name, number); }
   void              Copy(const Box &other) { m_size = other.m_size; }
  };
class Crate : public Box
  {
public:
                     Crate() { m_name = "crate"; }
   virtual void      Grow(const int by = 2) { Print(by, Size()); }
  };
void Measure(const Box &box)
  {
   Print(box.Size());
  }
Box g_box;
Crate g_crate;
int OnInit()
  {
   g_box.Grow();
   g_box.Grow(3);
   g_box.Show("text");
   g_box.Show(5);
   g_box.Copy(g_crate);
   Measure(g_crate);
   return INIT_SUCCEEDED;
  }
void OnDeinit(const int reason)
  {
   Print(reason);
  }
void OnTick()
  {
   Later(1);
  }
// Functions may stand behind their use.
void Later(const int a)
  {
   Print(a);
  }
//// numbers
// Lossless conversions, casts, constants that fit, bits.
void OnTick()
  {
   uchar small = 255;
   ushort unit = 'a';
   uint bits = 0xEDB88320;
   long wide = 0x7FFFFFFFFFFFFFFF;
   int least = -2147483648;
   double part = 1;
   float third = 0.5f;
   int whole = (int)MathRound(part * 2.5);
   bits = (bits & 1) != 0 ? (bits >> 1) ^ bits : bits >> 1;
   ulong tick = GetTickCount64();
   long since = (long)tick - wide % 1000;
   uint positive = 5;
   int letter = small + unit;
   datetime later = (datetime)(TimeGMT() + 60);
   datetime day = D'2026.01.31';
   color red = C'255,0,0';
   if(positive > 3 && tick > 0 && (whole > 1 || least < 0))
      Print(third, since, letter, later, day, red, (double)wide);
   part /= 2;
   whole <<= 2;
   small ^= 1;
   Print(part, whole, small, int(2.5), MathMax(1, 2.5), MathAbs(-3));
  }
//// service
// A service: OnStart alone, sockets, an event for the charts.
#property service
#property version "1.00"
void OnStart()
  {
   int handle = SocketCreate();
   if(handle == INVALID_HANDLE || !SocketConnect(handle, "127.0.0.1", 6379, 500))
      return;
   uchar bytes[];
   while(!IsStopped())
     {
      uint waiting = SocketIsReadable(handle);
      int got = SocketRead(handle, bytes, waiting > 0 ? waiting : 1, 1000);
      if(got > 0)
         for(long chart = ChartFirst(); chart >= 0; chart = ChartNext(chart))
            if(!EventChartCustom(chart, 7, got, 0.0, ""))
               Print(GetLastError());
     }
   SocketClose(handle);
  }
//// statements
// Every statement of the subset, and functions that return on all paths.
enum Way
  {
   WAY_NONE = -1,
   WAY_FILES,
   WAY_BOTH = 4
  };
input group "Ways"
input Way InpWay = WAY_FILES; // Way
input string InpText = "a\\b\"c\t";
static int s_calls = 0;
string Text(const Way way)
  {
   switch(way)
     {
      case WAY_NONE:
         return "none";
      case WAY_FILES:
      case WAY_BOTH:
        {
         string text = "some";
         return text;
        }
      default:
         return "";
     }
  }
int Endless(const int limit)
  {
   int n = 0;
   while(true)
     {
      n++;
      if(n > limit)
         return n;
     }
  }
bool IsOdd(const int n)
  {
   if(n % 2 == 0)
      return false;
   else
      return true;
  }
void OnTimer()
  {
   s_calls++;
   int n = 0;
   do
     {
      n += 2;
      if(IsOdd(n))
         continue;
      if(n > 6)
         break;
     }
   while(n < 10);
   for(int k = 0, j = 5; k < j; k++, j--)
      Print(Text(InpWay), k, j, Endless(n));
   for(; n > 0;)
      n--;
   string joined = "a" + "b" + Text(WAY_BOTH) + (n == 0 ? "!" : "?");
   if(joined != "" && joined < InpText)
      Print(joined);
   else
      if(StringLen(joined) > 3)
         Alert(joined);
      else
        {
         Print(EnumToString(InpWay));
        }
  }
//// trading
// Requests, deals, sessions and bars.
void OnTradeTransaction(const MqlTradeTransaction &trans, const MqlTradeRequest &request, const MqlTradeResult &result)
  {
   if(trans.type == TRADE_TRANSACTION_DEAL_ADD && request.magic > 0)
      Print(trans.deal, " ", result.retcode);
  }
ENUM_ORDER_TYPE_FILLING Filling(const string symbol)
  {
   long modes = SymbolInfoInteger(symbol, SYMBOL_FILLING_MODE);
   return (modes & SYMBOL_FILLING_FOK) != 0 ? ORDER_FILLING_FOK : ORDER_FILLING_RETURN;
  }
void OnTick()
  {
   MqlTradeRequest request = {};
   MqlTradeResult result = {0};
   request.action = TRADE_ACTION_DEAL;
   request.symbol = _Symbol;
   request.type = ORDER_TYPE_BUY;
   request.volume = SymbolInfoDouble(_Symbol, SYMBOL_VOLUME_MIN);
   request.price = SymbolInfoDouble(_Symbol, request.type == ORDER_TYPE_BUY ? SYMBOL_ASK : SYMBOL_BID);
   request.type_filling = Filling(_Symbol);
   double bid = 0;
   MqlTick tick;
   if(!SymbolInfoDouble(_Symbol, SYMBOL_BID, bid) || !SymbolInfoTick(_Symbol, tick))
      return;
   if(!OrderSend(request, result) || result.retcode != TRADE_RETCODE_DONE)
      Print(result.retcode, " ", GetLastError(), " ", tick.ask - bid);
   datetime from = 0;
   datetime to = 0;
   for(int day = 0; day < 7; day++)
      if(SymbolInfoSessionTrade(_Symbol, (ENUM_DAY_OF_WEEK)day, 0, from, to))
         Print((long)from, "-", (long)to);
   MqlRates rates[];
   int got = CopyRates(_Symbol, PERIOD_M1, (datetime)(TimeCurrent() - 3600), TimeCurrent(), rates);
   for(int k = 0; k < got; k++)
      Print(rates[k].close, " ", (double)rates[k].tick_volume);
  }
