//+------------------------------------------------------------------+
//| Conversions of text, bytes and numbers that MQL5 lacks.          |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_TEXT_MQH
#define MINUTEHAND_TEXT_MQH

// The UTF-8 bytes of a text, without a final zero. Returns how many.
int MhBytes(const string text, uchar &bytes[])
  {
   ArrayResize(bytes, 0);
   if(StringLen(text) == 0)
      return 0;
   int count = StringToCharArray(text, bytes, 0, WHOLE_ARRAY, CP_UTF8);
   if(count > 0 && bytes[count - 1] == 0)
      count--;
   ArrayResize(bytes, count);
   return count;
  }

// The text of `count` UTF-8 bytes.
string MhText(const uchar &bytes[], const int from, const int count)
  {
   if(count <= 0)
      return "";
   return CharArrayToString(bytes, from, count, CP_UTF8);
  }

// `count` units of a text from `from` on. StringSubstr is not called with 0: its result for that differs between
// builds.
string MhPart(const string text, const int from, const int count)
  {
   return count > 0 ? StringSubstr(text, from, count) : "";
  }

// -1, 0 or 1 by UTF-16 units. StringCompare has its own order of letters.
int MhCompare(const string a, const string b)
  {
   int lengthA = StringLen(a);
   int lengthB = StringLen(b);
   for(int at = 0; at < lengthA && at < lengthB; at++)
     {
      ushort unitA = StringGetCharacter(a, at);
      ushort unitB = StringGetCharacter(b, at);
      if(unitA != unitB)
         return unitA < unitB ? -1 : 1;
     }
   return lengthA == lengthB ? 0 : (lengthA < lengthB ? -1 : 1);
  }

bool MhIsHex(const string text, const int digits)
  {
   if(StringLen(text) != digits)
      return false;
   for(int at = 0; at < digits; at++)
     {
      ushort unit = StringGetCharacter(text, at);
      bool isDigit = unit >= '0' && unit <= '9';
      if(!isDigit && !(unit >= 'a' && unit <= 'f'))
         return false;
     }
   return true;
  }

// Whether `word` is one of the words of a list such as "A,B,C".
bool MhIsOneOf(const string word, const string list)
  {
   return StringLen(word) > 0 && StringFind("," + list + ",", "," + word + ",") >= 0;
  }

string MhLong(const long value)
  {
   return IntegerToString(value);
  }

// A double as JSON with at most `digits` decimals, without trailing zeros; null when it is not finite.
string MhNumber(const double value, const int digits)
  {
   if(!MathIsValidNumber(value) || value == DBL_MAX)
      return "null";
   string text = DoubleToString(value, digits);
   if(StringFind(text, ".") < 0)
      return text;
   int end = StringLen(text);
   while(end > 0 && StringGetCharacter(text, end - 1) == '0')
      end--;
   if(end > 0 && StringGetCharacter(text, end - 1) == '.')
      end--;
   text = MhPart(text, 0, end);
   return text == "-0" ? "0" : text;
  }

// A JSON string with its quotes.
string MhQuote(const string text)
  {
   string quoted = "\"";
   int length = StringLen(text);
   int plain = 0;
   for(int at = 0; at < length; at++)
     {
      ushort unit = StringGetCharacter(text, at);
      if(unit >= 32 && unit != '\"' && unit != '\\')
         continue;
      string escaped = unit == '\"' ? "\\\"" : (unit == '\\' ? "\\\\" : (unit == '\n' ? "\\n" : " "));
      quoted += MhPart(text, plain, at - plain) + escaped;
      plain = at + 1;
     }
   return quoted + MhPart(text, plain, length - plain) + "\"";
  }

// `,"key":"text"`
string MhTextField(const string key, const string value)
  {
   return ",\"" + key + "\":" + MhQuote(value);
  }

// `,"key":12`
string MhLongField(const string key, const long value)
  {
   return ",\"" + key + "\":" + MhLong(value);
  }

// `,"key":1.5`
string MhNumberField(const string key, const double value, const int digits)
  {
   return ",\"" + key + "\":" + MhNumber(value, digits);
  }

#endif
