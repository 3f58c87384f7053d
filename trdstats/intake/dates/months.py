"""Names of months and weekdays in the languages in which exports are written."""

from __future__ import annotations

# Short and long forms of English, German, French, Spanish, Italian, Portuguese and Dutch; no
# form names different months in two of them.
_NAMES = (
    "jan january januar jän jänner janvier janv ene enero gen gennaio janeiro januari",
    "feb february februar fév fev février fevrier févr febrero febbraio fevereiro februari",
    "mar march mär mrz märz maerz mars marzo março marco maart mrt",
    "apr april avr avril abr abril aprile",
    "may mai mayo mag maggio maio mei",
    "jun june juni juin junio giu giugno junho",
    "jul july juli juil juillet julio lug luglio julho",
    "aug august août aout ago agosto augustus",
    "sep sept september septembre septiembre set settembre setembro",
    "oct october okt oktober octobre octubre ott ottobre out outubro",
    "nov november novembre noviembre novembro",
    "dec december dez dezember déc décembre decembre dic diciembre dicembre dezembro",
)

MONTHS: dict[str, int] = {
    name: number for number, names in enumerate(_NAMES, start=1) for name in names.split()
}

_WEEKDAYS = (
    "mon tue tues wed thu thur thurs fri sat sun monday tuesday wednesday thursday friday saturday",
    "sunday mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonnabend",
    "sonntag lun mar mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche",
    "lunes martes miércoles jueves viernes sábado domingo",
)

WEEKDAYS = frozenset(name for names in _WEEKDAYS for name in names.split())
