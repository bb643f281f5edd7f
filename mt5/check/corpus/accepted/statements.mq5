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
