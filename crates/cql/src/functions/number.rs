//! Numbers of all types, and what is calculated with them (`NumberType`).

use helenus_cql_syntax::BinaryOperator;
use helenus_types::{Scalar, Type};
use num_bigint::BigInt;
use num_traits::{Signed, Zero};

use super::decimal::{BigDecimal, Problem};

/// Types of numbers, in the order in which Cassandra registers its functions of them.
pub(super) const TYPES: [Type; 9] = [
    Type::TinyInt,
    Type::SmallInt,
    Type::Int,
    Type::BigInt,
    Type::Float,
    Type::Double,
    Type::Decimal,
    Type::Varint,
    Type::Counter,
];

/// A number of one of CQL's types.
#[derive(Clone, Debug)]
pub(super) enum Number {
    /// Up to 64 bits.
    Integer(i64),
    Float(f32),
    Double(f64),
    Varint(BigInt),
    Decimal(BigDecimal),
}

/// What an operator does to two numbers.
pub(super) trait Arithmetic {
    /// The name of its function.
    fn function(self) -> &'static str;

    /// The operation's result as a number of that type.
    fn calculate(self, result: &Type, left: &Number, right: &Number) -> Result<Number, Problem>;
}

/// Every operator.
pub(super) const OPERATORS: [BinaryOperator; 5] = [
    BinaryOperator::Add,
    BinaryOperator::Subtract,
    BinaryOperator::Multiply,
    BinaryOperator::Divide,
    BinaryOperator::Modulo,
];

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MathFunction {
    Abs,
    Exp,
    Log,
    Log10,
    Round,
}

const BY_ZERO: &str = "/ by zero";

impl Number {
    /// The number in serialized bytes; none in an empty value.
    pub(super) fn decode(ty: &Type, bytes: &[u8]) -> Option<Self> {
        Some(match ty.scalar(bytes).ok()? {
            Scalar::Integer(number) => Self::Integer(number),
            Scalar::Float(number) => Self::Float(number),
            Scalar::Double(number) => Self::Double(number),
            Scalar::Varint(number) => Self::Varint(BigInt::from_signed_bytes_be(&number.to_be_bytes())),
            Scalar::Decimal(number) => Self::Decimal(BigDecimal::from_decimal(&number)),
            _ => return None,
        })
    }

    /// Appends the number as a value of that type, which it is converted to as Java converts.
    pub(super) fn encode(&self, ty: &Type, out: &mut Vec<u8>) {
        match ty {
            Type::TinyInt => out.extend_from_slice(&low::<1>(self.to_i32())),
            Type::SmallInt => out.extend_from_slice(&low::<2>(self.to_i32())),
            Type::Int => out.extend_from_slice(&self.to_i32().to_be_bytes()),
            Type::BigInt | Type::Counter => out.extend_from_slice(&self.to_i64().to_be_bytes()),
            Type::Float => out.extend_from_slice(&self.to_f32().to_be_bytes()),
            Type::Double => out.extend_from_slice(&self.to_f64().to_be_bytes()),
            Type::Decimal => {
                if let Ok(decimal) = self.to_decimal() {
                    decimal.write(out);
                }
            }
            _ => out.extend_from_slice(&self.to_big().to_signed_bytes_be()),
        }
    }

    /// `Number.intValue`
    pub(super) fn to_i32(&self) -> i32 {
        #[expect(clippy::cast_possible_truncation, reason = "Java narrows so")]
        match self {
            Self::Float(number) => *number as i32,
            Self::Double(number) => *number as i32,
            other => other.to_i64() as i32,
        }
    }

    /// `Number.longValue`
    pub(super) fn to_i64(&self) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "Java narrows so")]
        match self {
            Self::Integer(number) => *number,
            Self::Float(number) => *number as i64,
            Self::Double(number) => *number as i64,
            Self::Varint(number) => low_long(number),
            Self::Decimal(number) => low_long(&number.whole_low()),
        }
    }

    /// `Number.doubleValue`
    pub(super) fn to_f64(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "Java rounds so")]
        match self {
            Self::Integer(number) => *number as f64,
            Self::Float(number) => (*number).into(),
            Self::Double(number) => *number,
            Self::Varint(number) => number.to_string().parse().unwrap_or(f64::NAN),
            Self::Decimal(number) => number.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// `Number.floatValue`
    pub(super) fn to_f32(&self) -> f32 {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "Java rounds so")]
        match self {
            Self::Integer(number) => *number as f32,
            Self::Float(number) => *number,
            Self::Double(number) => *number as f32,
            Self::Varint(number) => number.to_string().parse().unwrap_or(f32::NAN),
            Self::Decimal(number) => number.to_string().parse().unwrap_or(f32::NAN),
        }
    }

    /// `IntegerType.toBigInteger`
    pub(super) fn to_big(&self) -> BigInt {
        match self {
            Self::Varint(number) => number.clone(),
            other => other.to_i64().into(),
        }
    }

    /// `NumberType.toBigDecimal`: all but decimals and varints by way of a double.
    pub(super) fn to_decimal(&self) -> Result<BigDecimal, Problem> {
        match self {
            Self::Decimal(number) => Ok(number.clone()),
            Self::Varint(number) => Ok(BigDecimal::new(number.clone(), 0)),
            other => decimal_of(other.to_f64()),
        }
    }

    /// The decimal that a cast makes (`CastFcts.getDecimalConversionFunction`).
    pub(super) fn cast_to_decimal(&self) -> Result<BigDecimal, Problem> {
        match self {
            Self::Integer(number) => Ok(BigDecimal::new((*number).into(), 0)),
            Self::Float(number) => {
                let mut text = String::new();
                Scalar::Float(*number).push(&mut text);
                parse_decimal(&text)
            }
            other => other.to_decimal(),
        }
    }
}

/// `BigDecimal.valueOf(double)`
pub(super) fn decimal_of(number: f64) -> Result<BigDecimal, Problem> {
    if number.is_nan() {
        return Err("A NaN cannot be converted into a decimal".to_owned());
    }
    if number.is_infinite() {
        return Err("An infinite number cannot be converted into a decimal".to_owned());
    }
    let mut text = String::new();
    Scalar::Double(number).push(&mut text);
    parse_decimal(&text)
}

fn parse_decimal(text: &str) -> Result<BigDecimal, Problem> {
    let decimal: helenus_types::Decimal = text.parse().map_err(|_error| format!("no decimal: {text}"))?;
    Ok(BigDecimal::from_decimal(&decimal))
}

fn low<const N: usize>(number: i32) -> [u8; N] {
    let bytes = number.to_be_bytes();
    bytes.last_chunk::<N>().copied().unwrap_or([0; N])
}

fn low_long(number: &BigInt) -> i64 {
    let bytes = number.to_signed_bytes_be();
    let sign = if number.is_negative() { 0xFF } else { 0 };
    let mut long = [sign; 8];
    for (to, from) in long.iter_mut().rev().zip(bytes.iter().rev()) {
        *to = *from;
    }
    i64::from_be_bytes(long)
}

/// The type of an operation's result (`OperationFcts.returnType`).
pub(super) fn result_type(left: &Type, right: &Type) -> Type {
    let size = size(left).max(size(right));
    let is_floating = |ty: &Type| matches!(ty, Type::Float | Type::Double | Type::Decimal);
    match (is_floating(left) || is_floating(right), size) {
        (true, 4) => Type::Float,
        (true, 8) => Type::Double,
        (true, _) => Type::Decimal,
        (false, 1) => Type::TinyInt,
        (false, 2) => Type::SmallInt,
        (false, 4) => Type::Int,
        (false, 8) => Type::BigInt,
        (false, _) => Type::Varint,
    }
}

fn size(ty: &Type) -> usize {
    match ty {
        Type::TinyInt => 1,
        Type::SmallInt => 2,
        Type::Int | Type::Float => 4,
        Type::BigInt | Type::Double | Type::Counter => 8,
        _ => usize::MAX,
    }
}

impl Arithmetic for BinaryOperator {
    fn function(self) -> &'static str {
        match self {
            Self::Add => "_add",
            Self::Subtract => "_substract",
            Self::Multiply => "_multiply",
            Self::Divide => "_divide",
            Self::Modulo => "_modulo",
        }
    }

    fn calculate(self, result: &Type, left: &Number, right: &Number) -> Result<Number, Problem> {
        Ok(match result {
            Type::TinyInt | Type::SmallInt | Type::Int => {
                // What doesn't fit is cut, as Java does.
                let whole = on_longs(self, left.to_i32().into(), right.to_i32().into())?;
                Number::Integer(Number::Integer(whole).to_i32().into())
            }
            Type::BigInt => Number::Integer(on_longs(self, left.to_i64(), right.to_i64())?),
            Type::Float => Number::Float(on_floats(self, left.to_f32(), right.to_f32())),
            Type::Double => Number::Double(on_floats(self, left.to_f64(), right.to_f64())),
            Type::Varint => Number::Varint(on_varints(self, &left.to_big(), &right.to_big())?),
            _ => Number::Decimal(on_decimals(self, &left.to_decimal()?, &right.to_decimal()?)?),
        })
    }
}

fn on_longs(operator: BinaryOperator, left: i64, right: i64) -> Result<i64, Problem> {
    use BinaryOperator::{Add, Divide, Modulo, Multiply, Subtract};
    match operator {
        Add => Ok(left.wrapping_add(right)),
        Subtract => Ok(left.wrapping_sub(right)),
        Multiply => Ok(left.wrapping_mul(right)),
        Divide | Modulo if right == 0 => Err(BY_ZERO.to_owned()),
        Divide => Ok(left.wrapping_div(right)),
        Modulo => Ok(left.wrapping_rem(right)),
    }
}

fn on_floats<T>(operator: BinaryOperator, left: T, right: T) -> T
where
    T: std::ops::Add<Output = T>
        + std::ops::Sub<Output = T>
        + std::ops::Mul<Output = T>
        + std::ops::Div<Output = T>
        + std::ops::Rem<Output = T>,
{
    match operator {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide => left / right,
        BinaryOperator::Modulo => left % right,
    }
}

fn on_varints(operator: BinaryOperator, left: &BigInt, right: &BigInt) -> Result<BigInt, Problem> {
    use BinaryOperator::{Add, Divide, Modulo, Multiply, Subtract};
    match operator {
        Add => Ok(left + right),
        Subtract => Ok(left - right),
        Multiply => Ok(left * right),
        Divide | Modulo if right.is_zero() => Err("BigInteger divide by zero".to_owned()),
        Divide => Ok(left / right),
        Modulo => Ok(left % right),
    }
}

fn on_decimals(
    operator: BinaryOperator,
    left: &BigDecimal,
    right: &BigDecimal,
) -> Result<BigDecimal, Problem> {
    match operator {
        BinaryOperator::Add => left.add(right),
        BinaryOperator::Subtract => left.add(&right.negate()),
        BinaryOperator::Multiply => left.multiply(right),
        BinaryOperator::Divide => left.divide(right),
        BinaryOperator::Modulo => left.remainder(right),
    }
}

/// `-number` as a value of that type.
pub(super) fn negate(ty: &Type, number: &Number) -> Number {
    match number {
        Number::Integer(number) if *ty == Type::BigInt || *ty == Type::Counter => {
            Number::Integer(number.wrapping_neg())
        }
        Number::Integer(number) => Number::Integer(-number),
        Number::Float(number) => Number::Float(-number),
        Number::Double(number) => Number::Double(-number),
        Number::Varint(number) => Number::Varint(-number),
        Number::Decimal(number) => Number::Decimal(number.negate()),
    }
}

impl MathFunction {
    pub(super) const ALL: [Self; 5] = [Self::Abs, Self::Exp, Self::Log, Self::Log10, Self::Round];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Abs => "abs",
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Log10 => "log10",
            Self::Round => "round",
        }
    }

    pub(super) fn calculate(self, number: &Number) -> Result<Number, Problem> {
        Ok(match number {
            Number::Integer(value) => match self {
                Self::Abs => Number::Integer(value.wrapping_abs()),
                Self::Round => Number::Integer(*value),
                _ => Number::Double(self.on_double(number.to_f64())),
            },
            Number::Float(value) => match self {
                Self::Abs => Number::Float(value.abs()),
                #[expect(clippy::cast_precision_loss, reason = "Java rounds so")]
                Self::Round => {
                    Number::Float(java_round((*value).into(), i32::MIN.into(), i32::MAX.into()) as f32)
                }
                _ => Number::Double(self.on_double((*value).into())),
            },
            Number::Double(value) => match self {
                Self::Abs => Number::Double(value.abs()),
                #[expect(clippy::cast_precision_loss, reason = "Java rounds so")]
                Self::Round => Number::Double(java_round(*value, i64::MIN, i64::MAX) as f64),
                _ => Number::Double(self.on_double(*value)),
            },
            Number::Varint(value) => match self {
                Self::Abs => Number::Varint(value.abs()),
                Self::Round => Number::Varint(value.clone()),
                _ => Number::Varint(self.on_decimal(&BigDecimal::new(value.clone(), 0))?.whole()?),
            },
            Number::Decimal(value) => Number::Decimal(self.on_decimal(value)?),
        })
    }

    fn on_double(self, number: f64) -> f64 {
        match self {
            Self::Abs | Self::Round => number,
            Self::Exp => number.exp(),
            Self::Log => number.ln(),
            // Java's NaN here is that of the processor, which has a sign.
            Self::Log10 if number < 0.0 => -f64::NAN.abs(),
            Self::Log10 => number.log10(),
        }
    }

    fn on_decimal(self, number: &BigDecimal) -> Result<BigDecimal, Problem> {
        match self {
            Self::Abs => Ok(number.abs()),
            Self::Round => number.round_half_up(),
            Self::Exp => number.exp(),
            Self::Log => number.log(),
            Self::Log10 => number.log10(),
        }
    }
}

/// `Math.round`: half up, within bounds, nothing of NaN.
fn java_round(number: f64, least: i64, most: i64) -> i64 {
    let floor = number.floor();
    let rounded = if number - floor >= 0.5 { floor + 1.0 } else { floor };
    #[expect(clippy::cast_possible_truncation, reason = "what doesn't fit is the nearest that does")]
    let rounded = rounded as i64;
    rounded.clamp(least, most)
}
