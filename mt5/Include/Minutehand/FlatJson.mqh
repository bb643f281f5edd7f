//+------------------------------------------------------------------+
//| A JSON object whose values are strings, numbers, true, false and |
//| null. Nested values are only validated; their text is available. |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_FLATJSON_MQH
#define MINUTEHAND_FLATJSON_MQH

#include "Text.mqh"

#define MH_JSON_NONE 0
#define MH_JSON_TEXT 1
#define MH_JSON_NUMBER 2
#define MH_JSON_BOOL 3
#define MH_JSON_NULL 4
#define MH_JSON_NESTED 5

#define MH_JSON_DEPTH 16

class MhJson
  {
private:
   string            m_source;
   int               m_length;
   int               m_at;
   string            m_keys[];
   string            m_values[];
   int               m_kinds[];

   ushort            Unit()
     {
      return m_at < m_length ? StringGetCharacter(m_source, m_at) : (ushort)0;
     }

   void              SkipBlanks()
     {
      while(m_at < m_length)
        {
         ushort unit = Unit();
         if(unit != ' ' && unit != '\t' && unit != '\n' && unit != '\r')
            return;
         m_at++;
        }
     }

   bool              TakeUnit(const ushort wanted)
     {
      if(m_at >= m_length || Unit() != wanted)
         return false;
      m_at++;
      return true;
     }

   bool              TakeWord(const string word)
     {
      if(StringSubstr(m_source, m_at, StringLen(word)) != word)
         return false;
      m_at += StringLen(word);
      return true;
     }

   int               HexDigit(const ushort unit)
     {
      if(unit >= '0' && unit <= '9')
         return (int)unit - '0';
      if(unit >= 'a' && unit <= 'f')
         return (int)unit - 'a' + 10;
      if(unit >= 'A' && unit <= 'F')
         return (int)unit - 'A' + 10;
      return -1;
     }

   bool              TakeText(string &text)
     {
      text = "";
      if(!TakeUnit('\"'))
         return false;
      int begin = m_at;
      while(m_at < m_length)
        {
         ushort unit = Unit();
         if(unit == '\"')
           {
            text += MhPart(m_source, begin, m_at - begin);
            m_at++;
            return true;
           }
         if(unit < 32)
            return false;
         if(unit != '\\')
           {
            m_at++;
            continue;
           }
         text += MhPart(m_source, begin, m_at - begin);
         m_at++;
         ushort escaped = Unit();
         m_at++;
         if(escaped == '\"' || escaped == '\\' || escaped == '/')
            text += ShortToString(escaped);
         else
            if(escaped == 'b')
               text += ShortToString(8);
            else
               if(escaped == 'f')
                  text += ShortToString(12);
               else
                  if(escaped == 'n')
                     text += ShortToString(10);
                  else
                     if(escaped == 'r')
                        text += ShortToString(13);
                     else
                        if(escaped == 't')
                           text += ShortToString(9);
                        else
                           if(escaped == 'u')
                             {
                              int code = 0;
                              for(int digit = 0; digit < 4; digit++)
                                {
                                 int value = HexDigit(Unit());
                                 if(value < 0)
                                    return false;
                                 code = code * 16 + value;
                                 m_at++;
                                }
                              text += ShortToString((ushort)code);
                             }
                           else
                              return false;
         begin = m_at;
        }
      return false;
     }

   int               TakeDigits()
     {
      int count = 0;
      while(m_at < m_length && Unit() >= '0' && Unit() <= '9')
        {
         m_at++;
         count++;
        }
      return count;
     }

   bool              TakeNumber(string &text)
     {
      int begin = m_at;
      TakeUnit('-');
      if(!TakeUnit('0') && TakeDigits() == 0)
         return false;
      if(TakeUnit('.') && TakeDigits() == 0)
         return false;
      if(TakeUnit('e') || TakeUnit('E'))
        {
         if(!TakeUnit('+'))
            TakeUnit('-');
         if(TakeDigits() == 0)
            return false;
        }
      text = MhPart(m_source, begin, m_at - begin);
      return true;
     }

   bool              TakeNested(const int depth)
     {
      if(depth > MH_JSON_DEPTH)
         return false;
      bool isObject = TakeUnit('{');
      if(!isObject && !TakeUnit('['))
         return false;
      ushort end = isObject ? '}' : ']';
      SkipBlanks();
      if(TakeUnit(end))
         return true;
      string ignored = "";
      while(true)
        {
         SkipBlanks();
         if(isObject)
           {
            if(!TakeText(ignored))
               return false;
            SkipBlanks();
            if(!TakeUnit(':'))
               return false;
           }
         int kind = MH_JSON_NONE;
         if(!TakeValue(ignored, kind, depth + 1))
            return false;
         SkipBlanks();
         if(TakeUnit(end))
            return true;
         if(!TakeUnit(','))
            return false;
        }
      return false;
     }

   bool              TakeValue(string &text, int &kind, const int depth)
     {
      SkipBlanks();
      ushort unit = Unit();
      int begin = m_at;
      if(unit == '\"')
        {
         kind = MH_JSON_TEXT;
         return TakeText(text);
        }
      if(unit == '{' || unit == '[')
        {
         kind = MH_JSON_NESTED;
         if(!TakeNested(depth))
            return false;
         text = MhPart(m_source, begin, m_at - begin);
         return true;
        }
      if(unit == 't' || unit == 'f')
        {
         kind = MH_JSON_BOOL;
         text = unit == 't' ? "true" : "false";
         return TakeWord(text);
        }
      if(unit == 'n')
        {
         kind = MH_JSON_NULL;
         text = "";
         return TakeWord("null");
        }
      kind = MH_JSON_NUMBER;
      return TakeNumber(text);
     }

public:
   // Reads a complete object; false when it is not one.
   bool              Parse(const string text)
     {
      m_source = text;
      m_length = StringLen(text);
      m_at = 0;
      ArrayResize(m_keys, 0, 64);
      ArrayResize(m_values, 0, 64);
      ArrayResize(m_kinds, 0, 64);
      SkipBlanks();
      if(!TakeUnit('{'))
         return false;
      SkipBlanks();
      bool open = !TakeUnit('}');
      while(open)
        {
         string key = "";
         string value = "";
         int kind = MH_JSON_NONE;
         SkipBlanks();
         if(!TakeText(key))
            return false;
         SkipBlanks();
         if(!TakeUnit(':') || !TakeValue(value, kind, 1))
            return false;
         int count = ArraySize(m_keys);
         ArrayResize(m_keys, count + 1, 64);
         ArrayResize(m_values, count + 1, 64);
         ArrayResize(m_kinds, count + 1, 64);
         m_keys[count] = key;
         m_values[count] = value;
         m_kinds[count] = kind;
         SkipBlanks();
         if(TakeUnit('}'))
            open = false;
         else
            if(!TakeUnit(','))
               return false;
        }
      SkipBlanks();
      return m_at == m_length;
     }

   int               Count()
     {
      return ArraySize(m_keys);
     }

   string            Key(const int index)
     {
      return m_keys[index];
     }

   string            Value(const int index)
     {
      return m_values[index];
     }

   int               Kind(const int index)
     {
      return m_kinds[index];
     }

   // Index of the last value of this name, as in JavaScript; -1 when there is none.
   int               Find(const string key)
     {
      for(int index = ArraySize(m_keys) - 1; index >= 0; index--)
         if(m_keys[index] == key)
            return index;
      return -1;
     }

   // A string, a nested value as its text, or the given default.
   string            GetText(const string key, const string otherwise)
     {
      int index = Find(key);
      if(index < 0 || (m_kinds[index] != MH_JSON_TEXT && m_kinds[index] != MH_JSON_NESTED))
         return otherwise;
      return m_values[index];
     }

   double            GetNumber(const string key, const double otherwise)
     {
      int index = Find(key);
      return index >= 0 && m_kinds[index] == MH_JSON_NUMBER ? StringToDouble(m_values[index]) : otherwise;
     }

   // Of a number written without fraction and exponent; a double keeps no more than 53 bits of a ticket.
   long              GetLong(const string key, const long otherwise)
     {
      int index = Find(key);
      return index >= 0 && m_kinds[index] == MH_JSON_NUMBER ? StringToInteger(m_values[index]) : otherwise;
     }
  };

#endif
