//// 106_missing_include
// 106: An included file that does not exist.
#include <Nowhere\Nothing.mqh>
void OnTick() { Print("x"); }
//// 108_define_of_number
// 108: A macro without a name.
#define 3 SIZE
void OnTick() { Print("x"); }
//// 109_pragma
// 109: A directive of C++.
#pragma once
void OnTick() { Print("x"); }
//// 110_unknown_symbol
// 110: A symbol that MQL5 lacks.
void OnTick() { int a = 1 @ 2; Print(a); }
//// 111_no_body
// 111: A function that is declared and has no body.
int Size(const int a);
void OnTick() { Print(Size(1)); }
//// 112_open_quote
// 112: An unterminated string.
void OnTick() { Print("abc); }
//// 113_include_without_bracket
// 113: #include without bracket or quote.
#include Agent.mqh
void OnTick() { Print("x"); }
//// 114_open_single_quote
// 114: An unterminated character.
void OnTick() { int a = 'x; Print(a); }
//// 115_include_without_closing_bracket
// 115: #include <... without >.
#include <Agent.mqh
void OnTick() { Print("x"); }
//// 116_no_type
// 116: A declaration without a type.
g_count = 1;
void OnTick() { Print("x"); }
//// 117_no_return
// 117: A function that ends without a result.
int Sign(const int a) { if(a > 0) return 1; }
void OnTick() { Print(Sign(1)); }
//// 117_no_return_in_switch
// 117: One case of a switch returns nothing.
int Kind(const int a) { switch(a) { case 1: return 1; default: Print(a); } }
void OnTick() { Print(Kind(1)); }
//// 121_return_without_value
// 121: return without a value.
int Sign(const int a) { if(a > 0) return; return 1; }
void OnTick() { Print(Sign(1)); }
//// 123_case_without_colon
// 123: case without a colon.
void OnTick() { switch(StringLen("a")) { case 1 Print("x"); break; } }
//// 124_declared_twice
// 124: A variable that is declared twice.
void OnTick() { int n = 1; int n = 2; Print(n); }
//// 127_structure_twice
// 127: A structure that is declared twice.
struct Leg { int side; };
struct Leg { int lots; };
void OnTick() { Print("x"); }
//// 128_method_of_nothing
// 128: The body of a method of a class that does not exist.
void Box::Show() { Print("y"); }
void OnTick() { Print("x"); }
//// 129_member_twice
// 129: A member that is declared twice.
struct Leg { int side; double side; };
void OnTick() { Leg leg; leg.side = 1; }
//// 132_if_without_parenthesis
// 132: if without a parenthesis.
void OnTick() { if IsStopped() Print("x"); }
//// 133_open_brace
// 133: A brace that is not closed.
void OnTick() { if(IsStopped()) { Print("x"); }
//// 141_enumeration_without_brace
// 141: An enumeration without a brace.
enum Way A, B;
void OnTick() { Print("x"); }
//// 143_void_variable
// 143: A variable of type void.
void OnTick() { void nothing; Print("x"); }
//// 144_closing_parenthesis
// 144: A closing parenthesis too many.
void OnTick() { Print("x")); }
//// 145_open_parenthesis
// 145: A parenthesis that is not closed.
void OnTick() { Print(("x"); }
//// 146_two_dynamic_dimensions
// 146: Only the first dimension may be dynamic.
int g_grid[][];
void OnTick() { Print("x"); }
//// 147_many_parameters
// 147: More than 64 parameters.
void Show(const int p0, const int p1, const int p2, const int p3, const int p4, const int p5, const int p6, const int p7, const int p8, const int p9, const int p10, const int p11, const int p12, const int p13, const int p14, const int p15, const int p16, const int p17, const int p18, const int p19, const int p20, const int p21, const int p22, const int p23, const int p24, const int p25, const int p26, const int p27, const int p28, const int p29, const int p30, const int p31, const int p32, const int p33, const int p34, const int p35, const int p36, const int p37, const int p38, const int p39, const int p40, const int p41, const int p42, const int p43, const int p44, const int p45, const int p46, const int p47, const int p48, const int p49, const int p50, const int p51, const int p52, const int p53, const int p54, const int p55, const int p56, const int p57, const int p58, const int p59, const int p60, const int p61, const int p62, const int p63, const int p64) { Print("x"); }
void OnTick() { Print("x"); }
//// 149_closing_brace
// 149: A closing brace too many.
void OnTick() { Print("x"); } }
//// 149_reserved_word
// 149: A reserved word as an expression.
void OnTick() { int a = class; Print(a); }
//// 150_array_assigned
// 150: An array is assigned.
void OnTick() { int a[2]; int b[2]; a[0] = 1; b = a; Print(b[0]); }
//// 150_array_plus_one
// 150: Arithmetic with an array.
void OnTick() { int a[2]; int b = a + 1; Print(b, a[0]); }
//// 150_minus_of_strings
// 150: Strings are subtracted.
void OnTick() { string a = "x"; string b = a - "y"; Print(b); }
//// 150_rest_of_double
// 150: % of a double.
void OnTick() { double a = 5.5; double b = a % 2.0; Print(b); }
//// 151_void_in_expression
// 151: The result of a void function is used.
void Nothing() { Print("x"); }
void OnTick() { int a = Nothing(); Print(a); }
//// 153_break_outside
// 153: break outside of a loop.
void OnTick() { break; }
//// 154_no_semicolon
// 154: A semicolon is missing.
void OnTick() { int a = 1
 Print(a); }
//// 154_structure_without_semicolon
// 154: A structure without its semicolon.
struct Leg { int side; }
void OnTick() { Leg leg; leg.side = 1; }
//// 155_no_comma
// 155: A comma is missing.
void Show(const int a const int b) { Print(a, b); }
void OnTick() { Show(1, 2); }
//// 157_no_operand
// 157: An operand is missing.
void OnTick() { int a = 1 + ; Print(a); }
//// 158_no_hexadecimal
// 158: A letter that is not a hexadecimal digit.
void OnTick() { Print(0x1G); }
//// 160_function_in_function
// 160: A function inside of a function.
void OnTick() { int Inner() { return 1; } Print(Inner()); }
//// 161_ends_too_early
// 161: The program ends within a declaration.
void OnTick() { Print("x"); }
int g_count = 1
//// 162_forward_structure
// 162: A forward declaration of a structure.
struct Leg;
void OnTick() { Print("x"); }
//// 163_other_result
// 163: A second function with another return type.
int Size() { return 1; }
double Size() { return 1.0; }
void OnTick() { Print(Size()); }
//// 165_function_twice
// 165: A function that is defined twice.
int Size() { return 1; }
int Size() { return 2; }
void OnTick() { Print(Size()); }
//// 166_no_overload
// 166: No overload accepts these types.
void OnTick() { MqlRates rates[]; int got = CopyRates(_Symbol, PERIOD_M1, "now", 10, rates); Print(got); }
//// 167_void_returns
// 167: A void function returns a value.
void Nothing() { return 1; }
void OnTick() { Nothing(); }
//// 168_call_of_variable
// 168: A variable is called.
void OnTick() { int size = 1; Print(size(2)); }
//// 171_case_of_double
// 171: A fraction after case.
void OnTick() { switch(StringLen("a")) { case 1.5: Print("x"); break; } }
//// 172_case_twice
// 172: The same value after two cases.
void OnTick() { switch(StringLen("a")) { case 1: Print("x"); break; case 1: Print("y"); break; } }
//// 173_size_is_no_integer
// 173: The size of an array is not an integer.
void OnTick() { int a[1.5]; Print(a[0]); }
//// 175_statement_on_global_level
// 175: A statement outside of functions.
if(1 > 0) Print("x");
void OnTick() { Print("x"); }
//// 177_assignment_to_call
// 177: The result of a function is assigned to.
void OnTick() { StringLen("a") = 2; }
//// 177_assignment_to_constant
// 177: A number is assigned to.
void OnTick() { int a = 1; a + 1 = 2; Print(a); }
//// 178_comparison_as_statement
// 178: == instead of =.
void OnTick() { int a = 1; a == 2; Print(a); }
//// 179_variable_in_case
// 179: A variable after case.
void OnTick() { switch(StringLen("a")) { case 1: int b = 1; Print(b); break; } }
//// 180_string_to_number
// 180: A string is converted to a number.
void OnTick() { int a = "5"; Print(a); }
//// 181_number_added_to_string
// 181: A number is added to a string.
void OnTick() { string a = "n " + StringLen("abc"); Print(a); }
//// 181_number_to_string
// 181: A number is converted to a string.
void OnTick() { string a = 5; Print(a); }
//// 182_ambiguous
// 182: Two overloads fit equally well.
void Show(const long a, const int b) { Print(a, b); }
void Show(const int a, const long b) { Print(a, b); }
void OnTick() { Show(1, 2); }
//// 183_else_without_if
// 183: else without if.
void OnTick() { else Print("x"); }
//// 184_case_outside
// 184: case outside of a switch.
void OnTick() { case 1: Print("x"); }
//// 186_too_many_values
// 186: More values than elements.
void OnTick() { int a[2] = {1, 2, 3}; Print(a[0]); }
//// 187_case_of_variable
// 187: A variable after case.
void OnTick() { int b = 1; switch(StringLen("a")) { case b: Print("x"); break; } }
//// 188_size_is_variable
// 188: The size of an array is a variable.
void OnTick() { int n = 3; int a[n]; Print(a[0]); }
//// 189_constant_changed
// 189: A constant is changed.
const int g_limit = 3;
void OnTick() { g_limit = 4; }
//// 189_input_changed
// 189: An input is changed.
input int InpSize = 3;
void OnTick() { InpSize = 4; }
//// 189_parameter_changed
// 189: A constant parameter is changed.
void Show(const int a) { a++; Print(a); }
void OnTick() { Show(1); }
//// 190_enumeration_without_comma
// 190: Members of an enumeration without a comma.
enum Way { WAY_A WAY_B };
void OnTick() { Print("x"); }
//// 191_enumerator_and_constant
// 191: An enumerator with the name of a constant of the terminal.
enum Way { PERIOD_H1, WAY_B };
void OnTick() { Print("x"); }
//// 191_enumerator_twice
// 191: A name in two enumerations.
enum Way { MODE_A, MODE_B };
enum Kind { MODE_B, MODE_C };
void OnTick() { Print("x"); }
//// 194_function_and_variable
// 194: A function with the name of a variable.
void Size() { Print("x"); }
int Size = 1;
void OnTick() { Print("x"); }
//// 195_variable_and_structure
// 195: A variable with the name of a structure.
struct Leg { int side; };
int Leg = 1;
void OnTick() { Print("x"); }
//// 196_enumerator_is_number
// 196: A number in place of a name.
enum Way { 1, 2 };
void OnTick() { Print("x"); }
//// 197_index_is_double
// 197: An index that is not an integer.
void OnTick() { int a[3]; double at = 1.0; a[at] = 1; Print(a[0]); }
//// 198_division_by_zero
// 198: Division by the constant zero.
void OnTick() { int a = StringLen("x") / 0; Print(a); }
//// 199_indicator_call_of_mql4
// 199: A property call of MQL4.
void OnTick() { Print(SymbolInfoDouble(SYMBOL_BID)); }
//// 199_own_function
// 199: A parameter of a function of the program is missing.
void Show(const int a, const int b) { Print(a, b); }
void OnTick() { Show(1); }
//// 199_socket_read
// 199: SocketRead without its time limit.
void OnTick() { uchar bytes[]; int got = SocketRead(1, bytes, 10); Print(got); }
//// 199_too_few_parameters
// 199: A parameter is missing.
void OnTick() { Print(StringFind("abc")); }
//// 199_too_many_parameters
// 199: A parameter too many.
void OnTick() { Print(StringLen("abc", 1)); }
//// 200_reference_to_value
// 200: A value where a reference is expected.
void Clear(int &a) { a = 0; }
void OnTick() { Clear(5); }
//// 200_trim_of_call
// 200: StringTrimLeft of a result.
void OnTick() { int cut = StringTrimLeft(IntegerToString(5)); Print(cut); }
//// 201_reference_of_other_type
// 201: A reference to another type.
void Clear(int &a) { a = 0; }
void OnTick() { double b = 1.0; Clear(b); Print(b); }
//// 201_session_times_as_long
// 201: Times of a session in variables of another type.
void OnTick() { long from = 0; long to = 0; Print(SymbolInfoSessionTrade(_Symbol, MONDAY, 0, from, to)); }
//// 202_constant_by_reference
// 202: A constant where it may be changed.
void Clear(int &a) { a = 0; }
void Show(const int b) { Clear(b); }
void OnTick() { Show(1); }
//// 203_negative_size
// 203: A size below one.
void OnTick() { int a[-1]; Print(a[0]); }
//// 204_protected_member
// 204: A protected member from outside.
class Box { protected: int m_size; public: Box() { m_size = 1; } };
Box g_box;
void OnTick() { Print(g_box.m_size); }
//// 210_continue_outside
// 210: continue outside of a loop.
void OnTick() { continue; }
//// 211_private_member
// 211: A private member from outside.
class Box { private: int m_size; public: Box() { m_size = 1; } };
Box g_box;
void OnTick() { Print(g_box.m_size); }
//// 213_undeclared_method
// 213: The body of a method that is not declared.
class Box { public: Box() { Print("x"); } };
void Box::Show() { Print("y"); }
void OnTick() { Print("x"); }
//// 214_private_method
// 214: A private method from outside.
class Box { private: void Show() { Print("x"); } public: Box() { Show(); } };
Box g_box;
void OnTick() { g_box.Show(); }
//// 218_index_out_of_range
// 218: An index past the end.
void OnTick() { int a[3]; a[3] = 1; Print(a[0]); }
//// 219_member_initialized
// 219: A member with a value at its declaration.
struct Leg { int side = 1; };
void OnTick() { Leg leg; leg.side = 1; }
//// 221_destructor_parameters
// 221: A destructor with parameters.
class Box { public: ~Box(int a) { Print(a); } };
Box g_box;
void OnTick() { Print("x"); }
//// 222_method_twice
// 222: A method that is defined twice.
class Box { public: int Size() { return 1; } int Size() { return 2; } };
Box g_box;
void OnTick() { Print(g_box.Size()); }
//// 224_body_differs
// 224: The body of a method with other parameters.
class Box { public: Box() { Print("x"); } int Size(const int a); };
int Box::Size(const int a, const int b) { return a + b; }
Box g_box;
void OnTick() { Print(g_box.Size(1)); }
//// 226_zero_memory_of_class
// 226: ZeroMemory of an object.
class Box { private: int m_size; public: Box() { m_size = 1; } };
void OnTick() { Box box; ZeroMemory(box); }
//// 228_name_expected
// 228: A number in place of a name.
void OnTick() { int 5 = 1; }
//// 229_reference_variable
// 229: A variable that is a reference.
void OnTick() { int a = 1; int &b = a; Print(b); }
//// 230_enumeration_twice
// 230: An enumeration that is declared twice.
enum Way { WAY_A };
enum Way { WAY_B };
void OnTick() { Print("x"); }
//// 232_base_is_no_class
// 232: A class derived from a type that is not a class.
class Box : public Nothing { public: Box() { Print("x"); } };
void OnTick() { Print("x"); }
//// 236_do_without_while
// 236: do without while.
void OnTick() { do { Print("x"); } }
//// 238_default_twice
// 238: Two defaults.
void OnTick() { switch(StringLen("a")) { default: Print("x"); break; default: Print("y"); } }
//// 239_no_number
// 239: A number with letters.
void OnTick() { int a = 12abc; Print(a); }
//// 241_index_of_number
// 241: An index of a value that is not an array.
void OnTick() { int a = 1; Print(a[0]); }
//// 241_number_as_array
// 241: A number where an array is expected.
void OnTick() { int a = 1; Print(ArraySize(a)); }
//// 242_list_for_number
// 242: A list for a simple variable.
void OnTick() { int a = {1, 2}; Print(a); }
//// 246_structure_as_number
// 246: A structure where a number is expected.
void OnTick() { MqlTick tick; if(SymbolInfoTick(_Symbol, tick)) Print(MathSqrt(tick)); }
//// 246_structure_of_other_kind
// 246: Another structure is assigned.
struct Leg { int side; };
struct Pair { int side; };
void OnTick() { Leg leg; Pair pair; pair.side = 1; leg = pair; Print(leg.side); }
//// 252_cast_of_structure
// 252: A structure is cast to a number.
void OnTick() { MqlTick tick; if(SymbolInfoTick(_Symbol, tick)) Print((int)tick); }
//// 256_bid_of_mql4
// 256: A predefined variable of MQL4.
void OnTick() { Print(Bid); }
//// 256_out_of_scope
// 256: A variable of a loop after it.
void OnTick() { for(int k = 0; k < 3; k++) Print(k); Print(k); }
//// 256_undeclared_constant
// 256: A constant that does not exist.
void OnTick() { Print(SymbolInfoDouble(_Symbol, SYMBOL_PRICE)); }
//// 256_undeclared_function
// 256: A function that does not exist.
void OnTick() { Print(StringLength("abc")); }
//// 256_undeclared_member
// 256: A member that does not exist.
void OnTick() { MqlDateTime parts; if(TimeToStruct(TimeGMT(), parts)) Print(parts.month); }
//// 256_undeclared_method
// 256: A method that does not exist.
class Box { public: Box() { Print("x"); } };
Box g_box;
void OnTick() { g_box.Show(); }
//// 256_undeclared_type
// 256: A type that does not exist.
void Show(const Leg &leg) { Print("x"); }
void OnTick() { Print("x"); }
//// 256_undeclared_variable
// 256: A variable that is not declared.
void OnTick() { Print(nothing); }
//// 256_used_before_declaration
// 256: A global variable in the value of an earlier one.
int g_first = g_second;
int g_second = 1;
void OnTick() { Print(g_first); }
//// 25_unknown_escape
// 25: An escape sequence that does not exist.
void OnTick() { Print("a\qb"); }
//// 260_switch_on_string
// 260: A switch on a string.
void OnTick() { switch(_Symbol) { case 1: Print("x"); break; } }
//// 262_assigned_enumeration
// 262: A number is assigned to an enumeration.
void OnTick() { int bits = StringLen("a"); ENUM_ORDER_TYPE_FILLING filling = bits; Print(filling); }
//// 262_day_of_week
// 262: A counter where a day is expected.
void OnTick() { datetime from = 0; datetime to = 0; for(int day = 0; day < 7; day++) Print(SymbolInfoSessionTrade(_Symbol, day, 0, from, to)); }
//// 262_number_as_enumeration
// 262: A number where an enumeration is expected.
void OnTick() { int period = 60; Print(Bars(_Symbol, period)); }
//// 262_other_enumeration
// 262: A property of another kind.
void OnTick() { Print(SymbolInfoDouble(_Symbol, SYMBOL_DIGITS)); }
//// 263_virtual_member
// 263: virtual of a member.
class Box { public: virtual int size; };
void OnTick() { Print("x"); }
//// 264_protected_method
// 264: A protected method from outside.
class Box { protected: void Show() { Print("x"); } public: Box() { Show(); } };
Box g_box;
void OnTick() { g_box.Show(); }
//// 265_overridden_result
// 265: An overriding method with another return type.
class Box { public: virtual int Size() { return 1; } };
class Crate : public Box { public: virtual double Size() { return 1.0; } };
Crate g_crate;
void OnTick() { Print(g_crate.Size()); }
//// 266_class_from_structure
// 266: A class derived from a structure.
struct Leg { int side; };
class Box : public Leg { public: Box() { Print("x"); } };
void OnTick() { Print("x"); }
//// 267_structure_from_class
// 267: A structure derived from a class.
class Box { public: Box() { Print("x"); } };
struct Leg : public Box { int side; };
void OnTick() { Print("x"); }
//// 268_virtual_constructor
// 268: A virtual constructor.
class Box { public: virtual Box() { Print("x"); } };
void OnTick() { Print("x"); }
//// 269_virtual_method_of_structure
// 269: A virtual method of a structure.
struct Leg { int side; virtual void Show() { Print(side); } };
void OnTick() { Print("x"); }
//// 26_large_locals
// 26: More than 512 kB of local variables.
void OnTick() { double grid[100000]; grid[0] = 1; Print(grid[0]); }
//// 271_function_of_terminal
// 271: A function of the program with the name of a built-in.
int StringLen(string text) { return 1; }
void OnTick() { Print(StringLen("x")); }
//// 272_const_function
// 272: const of a function that is not a method.
int Size() const { return 1; }
void OnTick() { Print(Size()); }
//// 274_constant_method_changes
// 274: A constant method changes its object.
class Box { private: int m_size; public: Box() { m_size = 1; } int Grow() const { m_size = 2; return m_size; } };
Box g_box;
void OnTick() { Print(g_box.Grow()); }
//// 276_list_for_class
// 276: A list for a class.
class Box { private: int m_size; public: Box() { m_size = 1; } int Size() { return m_size; } };
Box g_box = {1};
void OnTick() { Print(g_box.Size()); }
//// 277_default_missing
// 277: A parameter without a default after one with a default.
void Show(const int a = 1, const int b) { Print(a, b); }
void OnTick() { Show(1, 2); }
//// 278_default_again
// 278: Other default values in declaration and body.
int Size(const int a = 1);
int Size(const int a = 2) { return a; }
void OnTick() { Print(Size()); }
//// 279_method_of_constant
// 279: A method that may change a constant object.
class Box { private: int m_size; public: Box() { m_size = 1; } int Size() { return m_size; } };
void Show(const Box &box) { Print(box.Size()); }
Box g_box;
void OnTick() { Show(g_box); }
//// 280_dot_of_number
// 280: A dot after a number.
void OnTick() { int a = 1; Print(a.size); }
//// 285_array_as_input
// 285: An array as an input.
input int InpSizes[3] = {1, 2, 3};
void OnTick() { Print(InpSizes[0]); }
//// 286_constant_constructor
// 286: const of a constructor.
class Box { public: Box() const { Print("x"); } };
void OnTick() { Print("x"); }
//// 288_unknown_property
// 288: A property that does not exist.
#property colour "red"
void OnTick() { Print("x"); }
//// 291_empty_parameter
// 291: A parameter that is left out.
void OnTick() { Print(StringFind("abc", , 1)); }
//// 293_structure_by_value
// 293: A structure passed by value.
struct Leg { int side; };
void Show(Leg leg) { Print(leg.side); }
void OnTick() { Leg leg; leg.side = 1; Show(leg); }
//// 294_array_by_value
// 294: An array passed by value.
void Show(int sizes[]) { Print(sizes[0]); }
void OnTick() { int sizes[3]; sizes[0] = 1; Show(sizes); }
//// 302_choice_of_types
// 302: ? between a structure and a number.
void OnTick() { MqlTick tick; if(SymbolInfoTick(_Symbol, tick)) Print(IsStopped() ? tick : 1); }
//// 30_macro_again
// 30: A macro that is defined twice.
#define SIZE 3
#define SIZE 4
void OnTick() { Print(SIZE); }
//// 317_macro_parameters
// 317: Wrong parameters of a macro.
#define TWICE(a, 1) (a * 2)
void OnTick() { Print(TWICE(2, 1)); }
//// 31_unused_variable
// 31: A variable that is not used.
void OnTick() { int count = 0; }
//// 321_enum_to_string_of_number
// 321: EnumToString of a number.
void OnTick() { Print(EnumToString(5)); }
//// 326_input_in_function
// 326: An input inside of a function.
void OnTick() { input int InpSize = 3; Print(InpSize); }
//// 327_static_from_local
// 327: A static variable with the value of a local one.
void OnTick() { int n = StringLen("a"); static int s_count = n; s_count++; Print(s_count); }
//// 328_no_default_constructor
// 328: An array of objects without a default constructor.
class Box { private: int m_size; public: Box(int size) { m_size = size; } };
Box g_boxes[3];
void OnTick() { Print("x"); }
//// 335_large_array
// 335: An array of more than 2 GB.
double g_grid[400000000];
void OnTick() { g_grid[0] = 1; Print(g_grid[0]); }
//// 346_method_like_member
// 346: A method with the name of a member.
class Box { private: int Size; public: Box() { Print("x"); } int Size() { return 1; } };
void OnTick() { Print("x"); }
//// 347_member_like_method
// 347: A member with the name of a method.
class Box { public: int Size() { return 1; } int Size; };
void OnTick() { Print("x"); }
//// 356_no_handler
// 356: A program without an event handler.
int Size() { return 1; }
//// 35_long_hexadecimal
// 35: More than 16 hexadecimal digits.
void OnTick() { Print(0x11112222333344445); }
//// 369_strings_into_file
// 369: An array of strings into a binary file.
void OnTick() { string lines[2]; lines[0] = "x"; Print(FileWriteArray(1, lines)); }
//// 369_structure_with_dynamic_array_into_file
// 369: A structure with a dynamic array into a file.
struct Line { int sizes[]; };
void OnTick() { Line line; ArrayResize(line.sizes, 1); Print(FileWriteStruct(1, line)); }
//// 369_structure_with_string_into_file
// 369: A structure with a string into a file.
struct Line { string text; };
void OnTick() { Line line; line.text = "x"; Print(FileWriteStruct(1, line)); }
//// 36_empty_hexadecimal
// 36: 0x without digits.
void OnTick() { Print(0x); }
//// 372_open_ifdef
// 372: #ifdef without #endif.
#ifdef NOTHING
void OnTick() { Print("x"); }
//// 376_parameter_twice
// 376: Two parameters with one name.
void Show(const int a, const int a) { Print(a); }
void OnTick() { Show(1, 2); }
//// 389_constant_without_value
// 389: A constant without a value.
const int g_limit;
void OnTick() { Print(g_limit); }
//// 43_argument_double
// 43: An argument loses its fraction.
void Show(const int digits) { Print(digits); }
void OnTick() { Show(MathFloor(2.5)); }
//// 43_datetime_to_int
// 43: Time is converted to int.
void OnTick() { int now = TimeGMT(); Print(now); }
//// 43_double_to_int
// 43: A double is converted to int.
void OnTick() { double price = 1.5 * MathSqrt(2.0); int whole = price; Print(whole); }
//// 43_long_to_double
// 43: 64 bits are converted to 53.
void OnTick() { double login = AccountInfoInteger(ACCOUNT_LOGIN); Print(login); }
//// 43_long_to_int
// 43: A long is converted to int.
void OnTick() { int login = AccountInfoInteger(ACCOUNT_LOGIN); Print(login); }
//// 43_return_long
// 43: The return type is narrower than the returned value.
int Login() { return AccountInfoInteger(ACCOUNT_LOGIN); }
void OnTick() { Print(Login()); }
//// 44_constant_fraction
// 44: A constant loses its fraction.
void OnTick() { int whole = 1.5; Print(whole); }
//// 44_constant_too_large
// 44: A constant that does not fit.
void OnTick() { uchar small = 256; Print(small); }
//// 45_signs_compared
// 45: Signed and unsigned numbers are compared.
void OnTick() { uint size = GetTickCount(); int wanted = StringLen("abc"); if(size > wanted) Print(size); }
//// 53_start_in_expert
// 53: OnStart in an expert advisor.
void OnTick() { Print("x"); }
void OnStart() { Print("y"); }
//// 55_init_in_script
// 55: OnInit in a script.
int OnInit() { return INIT_SUCCEEDED; }
void OnStart() { Print("script"); }
//// 57_deinit_in_service
// 57: OnDeinit in a service.
#property service
void OnDeinit(const int reason) { Print(reason); }
void OnStart() { Print("service"); }
//// 60_structure_without_values
// 60: A structure that is read before it is filled.
void OnTick() { MqlTick tick; Print(tick.bid); }
//// 61_hides_local
// 61: A variable hides a local one.
void OnTick() { int n = 1; for(int k = 0; k < 2; k++) { int n = k; Print(n); } Print(n); }
//// 62_hides_global
// 62: A variable hides a global one.
int g_count = 0;
void OnTick() { int g_count = 1; Print(g_count); }
//// 63_resize_of_static_array
// 63: ArrayResize of an array with a fixed size.
void OnTick() { int sizes[3]; ArrayResize(sizes, 4); Print(sizes[0]); }
//// 64_hides_predefined
// 64: A variable hides a predefined one.
void OnTick() { int _Digits = 5; Print(_Digits); }
//// 65_always_true
// 65: A comparison that is always true.
void OnTick() { uint size = GetTickCount(); if(size >= 0) Print(size); }
//// 66_bool_in_arithmetic
// 66: Arithmetic with bool values.
void OnTick() { bool isBig = StringLen("abc") > 2; int n = 1 + isBig; Print(n); }
//// 67_minus_of_unsigned
// 67: Minus of an ulong.
void OnTick() { ulong tick = GetTickCount64(); long back = (long)-tick; Print(back); }
//// 68_version
// 68: A version that is not a number with two decimals.
#property version "one"
void OnTick() { Print("x"); }
//// 69_empty_if
// 69: A semicolon after if.
void OnTick() { if(IsStopped()); Print("x"); }
//// 70_handler_of_transactions
// 70: OnTradeTransaction without its third parameter.
void OnTradeTransaction(const MqlTradeTransaction &trans, const MqlTradeRequest &request) { Print(trans.deal, request.price); }
//// 70_handler_parameters
// 70: An event handler with other parameters.
void OnTimer(int id) { Print(id); }
//// 72_hides_member
// 72: A parameter hides a member.
class Box { private: int m_size; public: Box() { m_size = 0; } void Set(const int m_size) { Print(m_size); } };
Box g_box;
void OnTick() { g_box.Set(1); }
//// 75_shift_too_far
// 75: A shift by more bits than the type has.
void OnTick() { int bits = StringLen("abc") << 40; Print(bits); }
//// 80_and_within_or
// 80: && within || without parentheses.
void OnTick() { bool a = IsStopped(); if(a && StringLen("x") > 0 || StringLen("y") > 1) Print(a); }
//// 80_bits_and_comparison
// 80: & of a comparison.
void OnTick() { int flags = StringLen("abc"); if(flags & 1 == 1) Print(flags); }
//// 83_order_unchecked
// 83: The result of OrderSend is ignored.
void OnTick() { MqlTradeRequest request = {}; MqlTradeResult result = {}; OrderSend(request, result); }
//// arrow_arrow
// arrow: Members by ->.
void OnTick() { MqlTick tick; if(SymbolInfoTick(_Symbol, tick)) Print(tick->bid); }
//// foreign_lambda_lambda
// foreign_lambda: A lambda.
void OnTick() { int a = [](int b) { return b; }(1); Print(a); }
//// foreign_loop_loop_over_range
// foreign_loop: A loop over a range.
void OnTick() { int sizes[3]; for(int size : sizes) Print(size); }
//// foreign_word_auto
// foreign_word: auto.
void OnTick() { auto a = 1; Print(a); }
//// foreign_word_long_long
// foreign_word: long long.
void OnTick() { long long a = 1; Print(a); }
//// foreign_word_nullptr
// foreign_word: nullptr.
void OnTick() { Print(nullptr); }
//// foreign_word_static_cast
// foreign_word: A cast of C++.
void OnTick() { int a = static_cast<int>(1.5); Print(a); }
//// foreign_word_unsigned
// foreign_word: unsigned.
void OnTick() { unsigned int a = 1; Print(a); }
//// identifier_length_long_name
// identifier_length: A name of more than 63 characters.
int g_aNameThatIsLongerThanSixtyThreeCharactersAndThatIsWhyItIsRefused = 1;
void OnTick() { Print("x"); }
//// input_length_long_input
// input_length: An input that the terminal would truncate.
input string InpPairs = "XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,XAUUSD_XAGUSD,";
void OnTick() { Print(InpPairs); }
//// no_exceptions_throw
// no_exceptions: An exception.
void OnTick() { throw 1; }
//// no_exceptions_try
// no_exceptions: try and catch.
void OnTick() { try { Print("x"); } catch(int e) { Print(e); } }
//// no_templates_template_specialization
// no_templates: A specialization of a template.
template<> int Size<int>(int a) { return a; }
void OnTick() { Print("x"); }
//// number_suffix_number_suffix
// number_suffix: A number with a suffix of C++.
void OnTick() { long a = 5LL; Print(a); }
